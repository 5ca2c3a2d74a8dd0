#include "espalier/ops/activations.h"

#include <numbers>

#include "espalier/ops/gelu.h"
#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::elementwise_twin;
using testing::kShapes;
using testing::random_tensor;

double plain_gelu(double x) {
  return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
}

}  // namespace

TEST_CASE("gelu") {
  const auto op = [](std::span<const Variable> in) { return gelu(in[0]); };
  for (const Shape& shape : kShapes)
    testing::full_check(op, elementwise_twin(plain_gelu), {random_tensor(shape, 1, -4, 4)});
}

TEST_CASE("gelu_tanh") {
  const auto op = [](std::span<const Variable> in) { return gelu_tanh(in[0]); };
  const auto twin = elementwise_twin([](double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  });
  for (const Shape& shape : kShapes) testing::full_check(op, twin, {random_tensor(shape, 1, -4, 4)});
}

TEST_CASE("gated_gelu: the second half is the gate") {
  const auto op = [](std::span<const Variable> in) { return gated_gelu(in[0]); };
  for (const Shape& shape :
       {Shape{6}, Shape{3, 10}, Shape{2, 3, 2}, Shape{0, 4}, Shape{3, 0}, Shape{2, 34}}) {
    const auto width = static_cast<std::size_t>(shape.columns() / 2);
    const auto twin = [width](std::span<const Doubles> in) {
      Doubles out;
      for (std::size_t i = 0; width > 0 && i < in[0].size(); ++i) {
        if (i / width % 2 == 0) out.push_back(in[0][i] * plain_gelu(in[0][i + width]));
      }
      return out;
    };
    testing::full_check(op, twin, {random_tensor(shape, 2, -3, 3)});
  }
  CHECK(testing::error_of([] {
          gated_gelu(Variable(Tensor::zeros({2, 7})));
        }) == "gated_gelu: x must have an even last axis (value half, gate half), got [2,7]");
  CHECK(testing::error_of([] { gated_gelu(Variable(Tensor::zeros({}))); }) ==
        "gated_gelu: x must have at least 1 axis, got []");
}

TEST_CASE("tanh and sigmoid") {
  const auto tanh_op = [](std::span<const Variable> in) { return tanh(in[0]); };
  const auto sigmoid_op = [](std::span<const Variable> in) { return sigmoid(in[0]); };
  const auto sigmoid_twin = elementwise_twin([](double x) { return 1 / (1 + std::exp(-x)); });
  for (const Shape& shape : kShapes) {
    testing::full_check(tanh_op, elementwise_twin([](double x) { return std::tanh(x); }),
                        {random_tensor(shape, 3, -4, 4)});
    testing::full_check(sigmoid_op, sigmoid_twin, {random_tensor(shape, 4, -6, 6)});
  }
}

TEST_CASE("relu away from zero, and its slope of 0 at zero") {
  const auto op = [](std::span<const Variable> in) { return relu(in[0]); };
  const auto twin = elementwise_twin([](double x) { return x > 0 ? x : 0.0; });
  for (const Shape& shape : kShapes) testing::full_check(op, twin, {random_tensor(shape, 5)});
  const Variable zero(Tensor::zeros({2}), true);
  backward(relu(zero), Tensor::full({2}, 1.0F));
  CHECK(zero.grad().to_vector() == std::vector<float>{0.0F, 0.0F});
}

TEST_CASE("NaN passes through every activation") {
  const Variable x(Tensor::full({3}, NAN));
  for (const Variable& y : {gelu(x), gelu_tanh(x), tanh(x), sigmoid(x), relu(x)}) {
    for (const float value : y.value().span()) CHECK(std::isnan(value));
  }
}

}  // namespace espalier::ops
