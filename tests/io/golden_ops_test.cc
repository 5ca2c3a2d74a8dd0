// Single operations against golden files of PyTorch and of the original attention (tests/golden/README.md).
// It lives here because the files are safetensors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "espalier/io/safetensors.h"
#include "espalier/ops/activations.h"
#include "espalier/ops/attention.h"
#include "espalier/ops/cross_entropy.h"
#include "espalier/ops/gelu.h"
#include "espalier/ops/layer_norm.h"
#include "espalier/ops/mean_squared_error.h"
#include "espalier/ops/softmax.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

const SafetensorsReader& golden() {
  static const SafetensorsReader reader(testing::golden_path("ops.safetensors"));
  return reader;
}

double largest_of(const std::vector<double>& values) {
  double largest = 1e-30;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// [S,B,H] -> [B,S,H], the order of the original's attention to ours, and back.
template <class Element>
std::vector<Element> swap_first_axes(const std::vector<Element>& values, const Shape& shape) {
  std::vector<Element> out(values.size());
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const std::int64_t row = i / shape[2];
    const std::int64_t to = (row % shape[1] * shape[0] + row / shape[1]) * shape[2] + i % shape[2];
    out[static_cast<std::size_t>(to)] = values[static_cast<std::size_t>(i)];
  }
  return out;
}

struct GoldenOperation {
  std::string name;
  bool sequence_first = false;

  Tensor read(const std::string& what) const {
    const Tensor tensor = golden().read(name + "/" + what);
    if (!sequence_first) return tensor;
    const Shape& s = tensor.shape();
    return Tensor::from({s[1], s[0], s[2]}, swap_first_axes(tensor.to_vector(), s));
  }

  // Within four times the error that PyTorch's own float32 makes, or 1e-6 of the largest value.
  void check(const Tensor& actual, const std::string& what) const {
    INFO(name << "/" << what);
    std::vector<double> expected = golden().read_doubles("f64/" + name + "/" + what);
    const std::vector<double> theirs = golden().read_doubles(name + "/" + what);
    const double largest = largest_of(expected);
    double error = 0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      error = std::max(error, std::abs(theirs[i] - expected[i]) / largest);
    }
    if (sequence_first) expected = swap_first_axes(expected, golden().info(name + "/" + what).shape);
    CHECK(testing::max_relative_error(actual.span(), std::span<const double>(expected), largest) <=
          std::max(1e-6, 4 * error));
  }

  // Value, and the gradient of each named input.
  void run(const std::vector<std::string>& inputs,
           const std::function<Variable(const std::vector<Variable>&)>& operation) const {
    std::vector<Variable> variables;
    for (const std::string& input : inputs) variables.emplace_back(read(input), true);
    const Variable y = operation(variables);
    check(y.value(), "y");
    backward(y, read("dy"));
    for (std::size_t i = 0; i < inputs.size(); ++i) check(variables[i].grad(), "d" + inputs[i]);
  }
};

using Inputs = const std::vector<Variable>&;

IntTensor read_ints(const std::string& name) {
  const std::vector<std::int64_t> values = golden().read_ints(name);
  IntTensor tensor = IntTensor::empty(golden().info(name).shape);
  for (std::size_t i = 0; i < values.size(); ++i) tensor.data()[i] = static_cast<std::int32_t>(values[i]);
  return tensor;
}

}  // namespace

TEST_CASE("layer_norm gives PyTorch's numbers, far from zero and on constant rows too") {
  for (const char* name : {"layer_norm", "layer_norm_shifted", "layer_norm_flat"}) {
    GoldenOperation{name}.run({"x", "weight", "bias"},
                              [](Inputs in) { return ops::layer_norm(in[0], in[1], in[2], 1e-12F); });
  }
}

TEST_CASE("attention gives the original's numbers, with and without padding") {
  ops::AttentionOptions options;
  options.heads = 2;
  const auto operation = [&](Inputs in) { return ops::attention(in[0], options); };
  GoldenOperation{"attention", true}.run({"x"}, operation);
  const IntTensor mask = read_ints("attention_masked/mask");
  options.mask = Tensor::empty(mask.shape());
  for (std::int64_t i = 0; i < mask.size(); ++i) options.mask.data()[i] = static_cast<float>(mask.data()[i]);
  GoldenOperation{"attention_masked", true}.run({"x"}, operation);
}

TEST_CASE("cross_entropy gives PyTorch's numbers, ignored rows included") {
  const IntTensor labels = read_ints("cross_entropy/labels");
  GoldenOperation{"cross_entropy"}.run({"x"}, [&](Inputs in) { return ops::cross_entropy(in[0], labels); });
}

TEST_CASE("activations, softmax and mean squared error give PyTorch's numbers") {
  GoldenOperation{"softmax"}.run({"x"}, [](Inputs in) { return ops::softmax(in[0]); });
  GoldenOperation{"tanh"}.run({"x"}, [](Inputs in) { return ops::tanh(in[0]); });
  GoldenOperation{"sigmoid"}.run({"x"}, [](Inputs in) { return ops::sigmoid(in[0]); });
  GoldenOperation{"gated_gelu"}.run({"x"}, [](Inputs in) { return ops::gated_gelu(in[0]); });
  const GoldenOperation mse{"mse"};
  const Tensor target = mse.read("target");
  mse.run({"x"}, [&](Inputs in) { return ops::mean_squared_error(in[0], target); });
}

TEST_CASE("gelu gives PyTorch's numbers over twelve standard deviations") {
  const GoldenOperation gelu{"gelu"};
  const Variable x(gelu.read("x"), true);
  const Variable y = ops::gelu(x);
  backward(y, gelu.read("dy"));
  const std::vector<double> value = golden().read_doubles("f64/gelu/y");
  const std::vector<double> slope = golden().read_doubles("f64/gelu/dx");
  // The grid runs to 1e30: absolute error near zero, relative beyond.
  CHECK(testing::max_relative_error(y.value().span(), std::span<const double>(value), 1.0) < 6e-7);
  CHECK(testing::max_relative_error(x.grad().span(), std::span<const double>(slope), 1.0) < 6e-7);
}

}  // namespace espalier::io
