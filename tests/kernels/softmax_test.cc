#include "kernels/softmax.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::Doubles;
using testing::random_tensor;

Doubles plain_softmax(const Tensor& x) {
  Doubles y;
  double sum = 0;
  for (const float v : x.span()) sum += std::exp(static_cast<double>(v));
  for (const float v : x.span()) y.push_back(std::exp(static_cast<double>(v)) / sum);
  return y;
}

}  // namespace

TEST_CASE("a row of any length, on every instruction set, forward and backward") {
  testing::for_each_target([](std::int64_t) {
    for (const std::int64_t width : {1, 2, 7, 8, 15, 16, 17, 33, 128, 1001}) {
      const Tensor x = random_tensor({width}, 1, -8, 8);
      const Tensor dy = random_tensor({width}, 2);
      const Doubles expected = plain_softmax(x);
      Tensor y = Tensor::full({width}, NAN);
      softmax_row(width, x.data(), y.data());
      double inner = 0;
      for (std::size_t i = 0; i < expected.size(); ++i)
        inner += expected[i] * static_cast<double>(dy.span()[i]);
      Doubles gradient;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        gradient.push_back(1 + expected[i] * (static_cast<double>(dy.span()[i]) - inner));
      }
      Tensor dx = Tensor::full({width}, 1.0F);
      softmax_row_backward(width, y.data(), dy.data(), {dx.data(), true});
      INFO("width " << width);
      // Relative to each value, be it as small as 1e-7.
      CHECK(testing::max_relative_error(y.span(), std::span<const double>(expected), 1e-9) < 2e-6);
      CHECK(testing::max_relative_error(dx.span(), std::span<const double>(gradient)) < 3e-7);
    }
  });
}

TEST_CASE("in place") {
  Tensor x = random_tensor({5, 13}, 3);
  Tensor y = Tensor::empty({5, 13});
  softmax(5, 13, x.data(), y.data());
  softmax(5, 13, x.data(), x.data());
  CHECK(x.to_vector() == y.to_vector());
}

}  // namespace espalier::kernels
