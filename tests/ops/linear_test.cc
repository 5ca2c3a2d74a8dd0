#include "espalier/ops/linear.h"

#include <algorithm>
#include <cmath>

#include "kernels/matmul.h"
#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

testing::DoubleTwin plain_linear(std::size_t out, std::size_t in) {
  return [out, in](std::span<const Doubles> a) {
    const std::size_t rows = in == 0 ? 3 : a[0].size() / in;
    Doubles y(rows * out, 0.0);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t o = 0; o < out; ++o) {
        double sum = a.size() > 2 ? a[2][o] : 0.0;
        for (std::size_t i = 0; i < in; ++i) sum += a[0][r * in + i] * a[1][o * in + i];
        y[r * out + o] = sum;
      }
    }
    return y;
  };
}

Variable with_optional_bias(std::span<const Variable> in) {
  return linear(in[0], in[1], in.size() > 2 ? in[2] : Variable());
}

// The largest |found - a b| over |a| |b|, both summed in double: what float32 loses by its sums, in whatever
// order, and nothing else. a(i, k), b(k, j) of [rows, inner] and [inner, columns].
template <class A, class B>
double error_of_product(std::span<const float> found, std::int64_t rows, std::int64_t inner,
                        std::int64_t columns, const A& a, const B& b) {
  REQUIRE(static_cast<std::int64_t>(found.size()) == rows * columns);
  double largest = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0, magnitude = 0;
      for (std::int64_t k = 0; k < inner; ++k) {
        const double product = static_cast<double>(a(i, k)) * static_cast<double>(b(k, j));
        sum += product;
        magnitude += std::abs(product);
      }
      const auto off = std::abs(static_cast<double>(found[static_cast<std::size_t>(i * columns + j)]) - sum);
      largest = testing::larger_error(largest, off / std::max(magnitude, 1e-30));
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("value and gradients, with and without bias, for any leading axes") {
  const struct {
    Shape x;
    std::int64_t out;
  } cases[] = {{{3, 5}, 4}, {{2, 3, 7}, 5}, {{6}, 3},    {{1, 1}, 1},
               {{0, 4}, 3}, {{3, 0}, 2},    {{3, 4}, 0}, {{65, 9}, 17}};
  for (const auto& [shape, out] : cases) {
    const std::int64_t in = shape.columns();
    std::vector<Tensor> inputs{random_tensor(shape, 1), random_tensor({out, in}, 2)};
    const auto twin = plain_linear(static_cast<std::size_t>(out), static_cast<std::size_t>(in));
    const std::string sizes = "x " + shape.str() + ", out " + std::to_string(out);
    INFO(sizes);
    testing::full_check(with_optional_bias, twin, inputs);
    inputs.push_back(random_tensor({out}, 3));
    testing::full_check(with_optional_bias, twin, inputs);
  }
}

TEST_CASE("micro-batches of whole panels accumulate to the bits of one batch") {
  const std::int64_t rows = 2 * kernels::kGradientRows, in = 24, out = 40;
  const Tensor x = random_tensor({rows, in}, 4);
  const Tensor upstream = random_tensor({rows, out}, 5);
  Variable weight(random_tensor({out, in}, 6), true);
  Variable bias(random_tensor({out}, 7), true);
  backward(linear(Variable(x), weight, bias), upstream);
  const Tensor whole_weight = weight.grad();
  const Tensor whole_bias = bias.grad();
  weight.clear_grad();
  bias.clear_grad();
  for (std::int64_t first = 0; first < rows; first += kernels::kGradientRows) {
    const std::int64_t last = first + kernels::kGradientRows;
    backward(linear(Variable(x.slice_rows(first, last)), weight, bias), upstream.slice_rows(first, last));
  }
  CHECK(weight.grad().to_vector() == whole_weight.to_vector());
  CHECK(bias.grad().to_vector() == whole_bias.to_vector());
}

// What bf16 computes is the product of the rounded numbers, the upstream gradient among them. Summed in
// float32 in the order of the instruction set: with AMX 600 terms come nearer to the exact sum than float32's
// own product does, and differ from that by more than either from the exact sum.
TEST_CASE("bf16 gives the products of rounded numbers, value and gradients, and keeps no x in float32") {
  for (const auto& [shape, out] :
       {std::pair<Shape, std::int64_t>{{3, 5}, 4}, {{2, 3, 7}, 5}, {{6}, 3}, {{0, 4}, 3}, {{600, 40}, 70}}) {
    const Tensor x = random_tensor(shape, 1), w = random_tensor({out, shape.columns()}, 2);
    const Tensor bias = random_tensor({out}, 3), upstream = random_tensor(shape.with_last(out), 4);
    Variable narrow[] = {Variable(x, true), Variable(w, true), Variable(bias.clone(), true)};
    const Variable y = linear(narrow[0], narrow[1], narrow[2], Precision::kBf16);
    backward(y, upstream);
    const Tensor rounded[] = {testing::rounded_to_bfloat16(x), testing::rounded_to_bfloat16(w),
                              testing::rounded_to_bfloat16(upstream)};
    const std::int64_t in = shape.columns(), rows = in == 0 ? 0 : x.size() / in;
    const auto x_at = [&](std::int64_t r, std::int64_t i) {
      return i == in ? 1.0F : rounded[0].data()[r * in + i];
    };
    const auto w_at = [&](std::int64_t i, std::int64_t o) {
      return i == in ? bias.data()[o] : rounded[1].data()[o * in + i];
    };
    const auto upstream_at = [&](std::int64_t r, std::int64_t o) { return rounded[2].data()[r * out + o]; };
    const auto upstream_of = [&](std::int64_t o, std::int64_t r) { return upstream_at(r, o); };
    const auto w_of = [&](std::int64_t o, std::int64_t i) { return w_at(i, o); };
    CHECK(error_of_product(y.value().span(), rows, in + 1, out, x_at, w_at) < 5e-7);
    CHECK(error_of_product(narrow[0].grad().span(), rows, out, in, upstream_at, w_of) < 5e-7);
    CHECK(error_of_product(narrow[1].grad().span(), out, rows, in, upstream_of, x_at) < 5e-7);
    Variable exact = Variable(bias.clone(), true);
    backward(linear(Variable(x), Variable(w), exact), upstream);
    CHECK(narrow[2].grad().to_vector() == exact.grad().to_vector());
  }
  Variable weight(random_tensor({4, 5}, 2), true);
  const Tensor x = random_tensor({3, 5}, 1);
  const Variable y = linear(Variable(x.clone()), weight, Variable(), Precision::kBf16);
  Tensor seen = x.clone();
  const Variable kept = linear(Variable(seen), weight, Variable(), Precision::kBf16);
  CHECK(kept.requires_grad());
  seen.fill(0.0F);
  backward(kept, Tensor::full({3, 4}, 1.0F));
  const Tensor from_kept = weight.grad();
  weight.clear_grad();
  backward(y, Tensor::full({3, 4}, 1.0F));
  CHECK(weight.grad().to_vector() == from_kept.to_vector());
}

TEST_CASE("errors name the argument, what is expected and why") {
  const Variable x(Tensor::zeros({32, 128, 512}));
  const Variable weight(Tensor::zeros({64, 512}));
  const auto error = [](auto&&... arguments) { return testing::error_of([&] { linear(arguments...); }); };
  CHECK(error(x, Variable(Tensor::zeros({64, 768}))) ==
        "linear: weight must be [64,512] (last axis of x [32,128,512]), got [64,768]");
  CHECK(error(x, Variable(Tensor::zeros({512}))) == "linear: weight must have 2 axes, got [512]");
  CHECK(error(x, weight, Variable(Tensor::zeros({63}))) ==
        "linear: bias must be [64] (rows of weight [64,512]), got [63]");
  CHECK(error(Variable(Tensor::zeros({})), weight) == "linear: x must have at least 1 axis, got []");
  CHECK(error(Variable(), weight) == "linear: x must be given, got an undefined variable");
  CHECK(error(x, Variable()) == "linear: weight must be given, got an undefined variable");
}

}  // namespace espalier::ops
