// ctest-label: threads
#include "espalier/optim/adamw.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/support.h"

namespace espalier::optim {
namespace {

using testing::random_tensor;

// The plain twin: one parameter in double, straight from the paper's algorithm 2.
struct PlainAdamW {
  std::vector<double> weight, m, v;
  int t = 0;
  void step(const std::vector<double>& gradient, const AdamWOptions& o, double lr, bool decay) {
    ++t;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      if (decay) weight[i] *= 1 - lr * o.weight_decay;
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * gradient[i];
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * gradient[i] * gradient[i];
      const double m_hat = m[i] / (1 - std::pow(o.beta1, t));
      const double v_hat = v[i] / (1 - std::pow(o.beta2, t));
      weight[i] -= lr * m_hat / (std::sqrt(v_hat) + o.eps);
    }
  }
};

}  // namespace

TEST_CASE("ten steps equal the plain algorithm, with and without decay and gradients") {
  for (const bool decay : {true, false}) {
    const Tensor start = random_tensor({40}, 1);
    Variable weight(start.clone(), true);
    const AdamWOptions options;
    AdamW adamw({{"p", weight, decay ? nn::ParameterRole::kMatrix : nn::ParameterRole::kBias}}, options);
    PlainAdamW plain;
    plain.weight.assign(start.span().begin(), start.span().end());
    plain.m.assign(40, 0);
    plain.v.assign(40, 0);
    for (std::uint64_t step = 0; step < 10; ++step) {
      std::vector<double> gradient(40, 0);
      weight.clear_grad();
      if (step != 4) {  // a step without a gradient still decays weight and moments
        weight.accumulate_grad(random_tensor({40}, 100 + step));
        for (std::size_t i = 0; i < 40; ++i) gradient[i] = 0.5 * static_cast<double>(weight.grad().data()[i]);
      }
      adamw.step(1e-2, 0.5);
      plain.step(gradient, options, 1e-2, decay);
    }
    CHECK(testing::max_relative_error(weight.value().span(), std::span<const double>(plain.weight)) < 2e-6);
  }
}

TEST_CASE("the first step is the learning rate, for a beta2 near 1 too") {
  Variable weight(Tensor::zeros({1}), true);
  weight.accumulate_grad(Tensor::full({1}, 2.0F));
  AdamW adamw({{"p", weight}}, {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-12});
  adamw.step(1e-3, 1.0);
  CHECK(std::abs(static_cast<double>(weight.value().data()[0]) / -1e-3 - 1) < 3e-7);
}

TEST_CASE("frozen parameters are left alone") {
  Variable frozen(Tensor::full({2}, 1.0F), true);
  frozen.set_requires_grad(false);
  CHECK(AdamW({{"frozen", frozen}}, {}).slots().empty());

  // Frozen when there are moments already: neither these nor decay change it, until it learns again.
  Variable weight(Tensor::full({2}, 1.0F), true);
  weight.accumulate_grad(Tensor::full({2}, 3.0F));
  AdamW adamw({{"p", weight}}, {});
  adamw.step(1e-2, 1.0);
  const std::vector<float> before = weight.value().to_vector();
  weight.set_requires_grad(false);
  adamw.step(1e-2, 1.0);
  CHECK(weight.value().to_vector() == before);
  weight.set_requires_grad(true);
  adamw.step(1e-2, 1.0);
  CHECK(weight.value().to_vector() != before);
}

}  // namespace espalier::optim
