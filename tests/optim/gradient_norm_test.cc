// ctest-label: threads
#include "espalier/optim/gradient_norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "espalier/base/parallel.h"
#include "tests/support/support.h"

namespace espalier::optim {

using testing::random_tensor;

TEST_CASE("the gradient norm, the same bits for any thread count, and the parameter that is not finite") {
  std::vector<Variable> variables;
  std::vector<nn::NamedParameter> parameters;
  double squares = 0;
  for (std::uint64_t i = 0; i < 3; ++i) {
    Variable parameter(Tensor::zeros({50001}), true);
    parameter.accumulate_grad(random_tensor({50001}, i));
    for (const float g : parameter.grad().span()) squares += static_cast<double>(g) * static_cast<double>(g);
    parameters.push_back({"p" + std::to_string(i), parameter});
  }
  set_thread_count(1);
  const double expected = gradient_norm(parameters).norm;
  CHECK(expected == doctest::Approx(std::sqrt(squares)));
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    CHECK(gradient_norm(parameters).norm == expected);
  }
  set_thread_count(available_cores());
  Variable broken = parameters[1].value;
  broken.accumulate_grad(Tensor::full({50001}, std::numeric_limits<float>::infinity()));
  const GradientNorm norm = gradient_norm(parameters);
  CHECK_FALSE(norm.finite);
  CHECK(norm.not_finite == "p1");
}

TEST_CASE("clipping as clip_grad_norm_") {
  CHECK(clip_factor(1.0, 0.5) == doctest::Approx(0.5 / 1.000001));
  CHECK(clip_factor(0.1, 0.5) == 1.0);
  CHECK(clip_factor(100, 0) == 1.0);
}

TEST_CASE("what is frozen counts for nothing") {
  Variable weight(Tensor::full({2}, 1.0F), true);
  weight.accumulate_grad(Tensor::full({2}, 3.0F));
  CHECK(gradient_norm({{"p", weight}}).norm == doctest::Approx(3 * std::sqrt(2.0)));
  weight.set_requires_grad(false);
  CHECK(gradient_norm({{"p", weight}}).norm == 0);
}

}  // namespace espalier::optim
