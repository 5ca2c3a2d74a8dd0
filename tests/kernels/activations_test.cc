#include "kernels/activations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/binary_entropy.h"
#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using Kernel = void (*)(std::int64_t, const float*, float*);

std::vector<float> range(float low, float high, std::int64_t steps) {
  std::vector<float> values;
  for (std::int64_t i = 0; i <= steps; ++i) {
    values.push_back(low + (high - low) * static_cast<float>(i) / static_cast<float>(steps));
  }
  return values;
}

std::vector<float> apply(Kernel kernel, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernel(static_cast<std::int64_t>(x.size()), x.data(), y.data());
  return y;
}

// The largest error relative to the value itself.
double relative_error(Kernel kernel, double (*twin)(double), const std::vector<float>& x) {
  const std::vector<float> y = apply(kernel, x);
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = twin(static_cast<double>(x[i]));
    largest =
        std::max(largest, std::abs(static_cast<double>(y[i]) - expected) / (std::abs(expected) + 1e-37));
  }
  return largest;
}

double plain_sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

}  // namespace

TEST_CASE("the stated accuracy on every instruction set") {
  testing::for_each_target([](std::int64_t) {
    const double tanh_error = relative_error(
        tanh, [](double x) { return std::tanh(x); }, range(-20, 20, 300000));
    const double small_error = relative_error(
        tanh, [](double x) { return std::tanh(x); }, range(-1e-3F, 1e-3F, 100000));
    const double sigmoid_error = relative_error(sigmoid, plain_sigmoid, range(-85, 40, 300000));
    CHECK(tanh_error <= 3e-7);
    CHECK(small_error <= 3e-7);
    CHECK(sigmoid_error <= 2e-7);
  });
}

TEST_CASE("ends of the range") {
  testing::for_each_target([](std::int64_t) {
    const std::vector<float> x{INFINITY, -INFINITY, 3e38F, -3e38F, 0.0F, -0.0F, NAN};
    const std::vector<float> t = apply(tanh, x);
    const std::vector<float> s = apply(sigmoid, x);
    CHECK(std::vector<float>(t.begin(), t.begin() + 6) == std::vector<float>{1, -1, 1, -1, 0, 0});
    CHECK(std::vector<float>(s.begin(), s.begin() + 6) == std::vector<float>{1, 0, 1, 0, 0.5F, 0.5F});
    CHECK(std::isnan(t[6]));
    CHECK(std::isnan(s[6]));
  });
}

TEST_CASE("binary entropy and its slope on every instruction set") {
  std::vector<float> c = range(0, 1, 300000);
  for (const float tiny : {1e-6F, 1.1e-6F, 1e-5F, 1e-4F}) c.push_back(tiny);
  const auto n = static_cast<std::int64_t>(c.size());
  const std::vector<float> ones(c.size(), 1.0F);
  testing::for_each_target([&](std::int64_t) {
    std::vector<float> y(c.size());
    std::vector<float> slope(c.size());
    binary_entropy(n, 1e-6F, c.data(), y.data());
    binary_entropy_backward(n, 1e-6F, c.data(), ones.data(), slope.data());
    double value_error = 0;
    double slope_error = 0;
    for (std::size_t i = 0; i < c.size(); ++i) {
      const double limit = static_cast<double>(1e-6F);
      const double upper = static_cast<double>(1.0F - 1e-6F);
      const double raw = static_cast<double>(c[i]);
      const double p = std::clamp(raw, limit, upper);
      const double expected = -p * std::log(p) - (1 - p) * std::log(1 - p);
      const double expected_slope = p == raw ? std::log(1 - p) - std::log(p) : 0;
      value_error = std::max(value_error, std::abs(static_cast<double>(y[i]) - expected));
      slope_error = std::max(slope_error, std::abs(static_cast<double>(slope[i]) - expected_slope));
    }
    CHECK(value_error <= 2e-7);
    CHECK(slope_error <= 1e-6);
  });
}

}  // namespace espalier::kernels
