#include "kernels/tree/gate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

// Logits from one tail to the other, an odd number of them.
std::vector<float> grid() {
  std::vector<float> logits;
  for (int i = -300; i <= 300; ++i) logits.push_back(static_cast<float>(i) * 0.1F);
  return logits;
}

double exact_sigmoid(double z) {
  return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z));
}

double exact_entropy(double z) {
  const double c = std::min(std::max(exact_sigmoid(z), 1e-6), 1 - 1e-6);
  return -c * std::log(c) - (1 - c) * std::log1p(-c);
}

}  // namespace

static void check_grid() {
  const std::vector<float> logits = grid();
  const auto n = static_cast<std::int64_t>(logits.size());
  for (const float tau : {0.5F, 1.0F, 3.0F}) {
    std::vector<float> c(logits.size()), slope(logits.size()), only_c(logits.size()), entropy(logits.size());
    gate_sigmoid(n, tau, logits.data(), only_c.data());
    gate_sigmoid_and_slope(n, tau, logits.data(), c.data(), slope.data());
    gate_entropy(n, tau, logits.data(), entropy.data());
    CHECK(c == only_c);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double t = static_cast<double>(tau);
      const double z = static_cast<double>(logits[i]) / t;
      const double s = exact_sigmoid(z) * exact_sigmoid(-z) / t;
      // z is rounded to float32 first, which moves the exponential by |z| 2^-24.
      const double allowed = (4 + std::abs(z)) * 1.2e-7;
      INFO("z " << z);
      CHECK(std::abs(static_cast<double>(c[i]) - exact_sigmoid(z)) <= allowed * exact_sigmoid(z));
      CHECK(std::abs(static_cast<double>(slope[i]) - s) <= allowed * s);
      CHECK(std::abs(static_cast<double>(entropy[i]) - exact_entropy(z)) <= 2 * allowed * exact_entropy(z));
      CHECK(gate_sigmoid(logits[i], tau) == doctest::Approx(static_cast<double>(c[i])).epsilon(1e-6));
      CHECK(gate_slope(logits[i], tau) == doctest::Approx(static_cast<double>(slope[i])).epsilon(1e-6));
      CHECK(gate_entropy(logits[i], tau) == doctest::Approx(static_cast<double>(entropy[i])).epsilon(1e-6));
    }
  }
}

TEST_CASE("sigmoid, slope and entropy are accurate relative to their value in both tails") {
  testing::for_each_target([](std::int64_t) { check_grid(); });
}

TEST_CASE("the gradient of the entropy is that of its difference quotients, and zero where c is clamped") {
  for (const float logit : {-8.0F, -2.0F, -0.3F, 0.0F, 0.7F, 6.0F, 20.0F, -30.0F}) {
    for (const float tau : {0.5F, 1.0F}) {
      const double t = static_cast<double>(tau);
      const double z = static_cast<double>(logit) / t;
      const double expected = (exact_entropy(z + 1e-6) - exact_entropy(z - 1e-6)) / 2e-6 / t;
      const float slope = gate_slope(logit, tau);
      CHECK(static_cast<double>(gate_entropy_gradient(logit, tau, slope)) ==
            doctest::Approx(expected).epsilon(1e-5).scale(1e-3));
    }
  }
  CHECK(gate_entropy_gradient(13.9F, 1.0F, gate_slope(13.9F, 1.0F)) == 0.0F);
}

TEST_CASE("a decision of NaN stays NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  float c = 0;
  gate_sigmoid(1, 1.0F, &nan, &c);
  CHECK(std::isnan(c));
}

}  // namespace espalier::kernels
