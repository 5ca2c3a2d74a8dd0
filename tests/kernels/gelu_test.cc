#include "kernels/gelu.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

// The plain twin, in double and accurate relative to its value on both sides of zero.
double plain_gelu(double x) {
  return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

double plain_slope(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2) +
         x * std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi);
}

// Every 1/8192 from -17 to 17, and magnitudes from the smallest normal to the largest float.
std::vector<float> dense_grid() {
  std::vector<float> grid;
  for (int i = -17 * 8192; i <= 17 * 8192; ++i) grid.push_back(static_cast<float>(i) / 8192.0F + 1e-5F);
  for (int exponent = -126; exponent <= 127; ++exponent) {
    for (const float mantissa : {1.0F, 1.37F, 1.81F}) {
      grid.push_back(std::ldexp(mantissa, exponent));
      grid.push_back(-std::ldexp(mantissa, exponent));
    }
  }
  return grid;
}

struct Errors {
  double value = 0, relative = 0, slope = 0;
};

Errors largest_errors() {
  const std::vector<float> x = dense_grid();
  std::vector<float> y(x.size());
  std::vector<float> slope(x.size());
  gelu_and_slope_serial(static_cast<std::int64_t>(x.size()), x.data(), y.data(), slope.data());
  Errors errors;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]);
    const double expected = plain_gelu(v);
    const double error = std::abs(static_cast<double>(y[i]) - expected);
    // Above 8 the spacing of floats exceeds the absolute bound; below -12.5 results near the denormals.
    if (v <= 8) errors.value = testing::larger_error(errors.value, error);
    if (v >= -12.5)
      errors.relative = testing::larger_error(errors.relative, error / (std::abs(expected) + 1e-37));
    errors.slope =
        testing::larger_error(errors.slope, std::abs(static_cast<double>(slope[i]) - plain_slope(v)));
  }
  return errors;
}

// The approximation by a tanh, in the form of the paper, and its slope.
double plain_gelu_tanh(double x) {
  const double factor = std::sqrt(2 / std::numbers::pi);
  // 1 + tanh u = 2 / (1 + e^-2u), which keeps the lower tail.
  return x / (1 + std::exp(-2 * factor * (x + 0.044715 * x * x * x)));
}

double plain_tanh_slope(double x) {
  const double factor = std::sqrt(2 / std::numbers::pi);
  const double gate = 1 / (1 + std::exp(-2 * factor * (x + 0.044715 * x * x * x)));
  return gate + x * gate * (1 - gate) * 2 * factor * (1 + 3 * 0.044715 * x * x);
}

Errors largest_tanh_errors() {
  const std::vector<float> x = dense_grid();
  const auto n = static_cast<std::int64_t>(x.size());
  Tensor y = Tensor::empty({n}), slope = Tensor::empty({n});
  gelu_tanh(n, x.data(), y.data());
  gelu_tanh_backward(n, x.data(), Tensor::full({n}, 1.0F).data(), slope.data());
  Errors errors;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]);
    const double expected = plain_gelu_tanh(v);
    const double error = std::abs(static_cast<double>(y.span()[i]) - expected);
    if (v <= 8) errors.value = testing::larger_error(errors.value, error);
    if (std::abs(v) < 1e6)
      errors.slope = testing::larger_error(
          errors.slope, std::abs(static_cast<double>(slope.span()[i]) - plain_tanh_slope(v)));
  }
  return errors;
}

constexpr std::int64_t kLengths[] = {0, 1, 3, 7, 8, 9, 31, 16384, 16384 + 5};

}  // namespace

TEST_CASE("the stated accuracy on a dense grid, on every instruction set") {
  testing::for_each_target([](std::int64_t target) {
    const Errors errors = largest_errors();
    CHECK(errors.value <= 3.9e-7);
    CHECK(errors.relative <= (testing::has_fused_multiply_add(target) ? 4.9e-7 : 4.5e-6));
    CHECK(errors.slope <= 2.4e-7);
  });
}

TEST_CASE("the form with a tanh: the stated accuracy, NaN, infinities and the largest numbers") {
  testing::for_each_target([](std::int64_t) {
    const Errors errors = largest_tanh_errors();
    CHECK(errors.value <= 5.3e-7);
    CHECK(errors.slope <= 2.1e-6);
    const float x[] = {NAN, INFINITY, 3e38F, -3e38F};
    const float dy[] = {1.0F, 1.0F, 1.0F, 1.0F};
    float y[4], slope[4];
    gelu_tanh(4, x, y);
    gelu_tanh_backward(4, x, dy, slope);
    CHECK(std::isnan(y[0]));
    CHECK(std::isnan(slope[0]));
    CHECK(y[1] == INFINITY);
    CHECK(y[2] == 3e38F);
    CHECK(slope[2] == 1.0F);
    CHECK(y[3] == 0.0F);
    CHECK(slope[3] == 0.0F);
  });
}

TEST_CASE("NaN and infinities") {
  const float x[] = {NAN, INFINITY, 1e38F, -1e38F};
  float y[4], slope[4];
  gelu_and_slope_serial(4, x, y, slope);
  CHECK(std::isnan(y[0]));
  CHECK(std::isnan(slope[0]));
  CHECK(y[1] == INFINITY);
  CHECK(y[2] == 1e38F);
  CHECK(slope[2] == 1.0F);
  CHECK(y[3] == 0.0F);
  CHECK(slope[3] == 0.0F);
}

TEST_CASE("any length: an element's bits do not depend on its place, and nothing beyond is written") {
  testing::for_each_target([](std::int64_t) {
    for (const std::int64_t n : kLengths) {
      const Tensor x = random_tensor({n}, 1, -6, 6);
      Tensor y = Tensor::full({n + 8}, 7.0F);
      gelu(n, x.data(), y.data());
      for (std::int64_t i = 0; i < n + 8; ++i) {
        float alone = 7.0F;
        if (i < n) gelu_serial(1, x.data() + i, &alone);
        REQUIRE(y.data()[i] == alone);
      }
    }
  });
}

TEST_CASE("backward multiplies by the slope, overwriting or adding") {
  for (const std::int64_t n : kLengths) {
    const Tensor x = random_tensor({n}, 2, -6, 6);
    const Tensor dy = random_tensor({n}, 3);
    Tensor dx = Tensor::full({n}, NAN);
    gelu_backward(n, x.data(), dy.data(), dx.data());
    std::vector<double> expected;
    for (std::int64_t i = 0; i < n; ++i) {
      expected.push_back(static_cast<double>(dy.data()[i]) * plain_slope(static_cast<double>(x.data()[i])));
    }
    CHECK(testing::max_relative_error(dx.span(), std::span<const double>(expected)) < 4e-7);
    gelu_backward(n, x.data(), dy.data(), {dx.data(), true});
    for (double& value : expected) value *= 2;
    CHECK(testing::max_relative_error(dx.span(), std::span<const double>(expected)) < 8e-7);
  }
}

TEST_CASE("the gated form: the second half is the gate") {
  for (const auto& [rows, width] : {std::array<std::int64_t, 2>{3, 5}, {0, 4}, {2, 0}, {1, 16}, {130, 257}}) {
    const Tensor x = random_tensor({rows, 2 * width}, 4, -4, 4);
    const Tensor dy = random_tensor({rows, width}, 5);
    Tensor y = Tensor::full({rows, width}, NAN);
    Tensor dx = Tensor::full({rows, 2 * width}, 1.0F);
    gated_gelu(rows, width, x.data(), y.data());
    gated_gelu_backward(rows, width, x.data(), dy.data(), {dx.data(), true});
    std::vector<double> value, gradient(static_cast<std::size_t>(rows * 2 * width));
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t at = row * 2 * width + i;
        const auto v = static_cast<double>(x.data()[at]);
        const auto gate = static_cast<double>(x.data()[at + width]);
        const auto g = static_cast<double>(dy.data()[row * width + i]);
        value.push_back(v * plain_gelu(gate));
        gradient[static_cast<std::size_t>(at)] = 1 + g * plain_gelu(gate);
        gradient[static_cast<std::size_t>(at + width)] = 1 + g * v * plain_slope(gate);
      }
    }
    CHECK(testing::max_relative_error(y.span(), std::span<const double>(value)) < 1e-6);
    CHECK(testing::max_relative_error(dx.span(), std::span<const double>(gradient)) < 1e-6);
  }
}

}  // namespace espalier::kernels
