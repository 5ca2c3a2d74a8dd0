#include "kernels/activations.h"

#include <doctest/doctest.h>

#include <cmath>

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
    largest = testing::larger_error(
        largest, std::abs(static_cast<double>(y[i]) - expected) / (std::abs(expected) + 1e-37));
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

}  // namespace espalier::kernels
