#include "espalier/ops/kl_divergence.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {

using testing::Doubles;
using testing::random_tensor;

namespace {

// log softmax of a row of `classes`.
Doubles log_softmax(const Doubles& x, std::size_t first, std::size_t classes) {
  double sum = 0;
  for (std::size_t i = 0; i < classes; ++i) sum += std::exp(x[first + i]);
  Doubles result;
  for (std::size_t i = 0; i < classes; ++i) result.push_back(x[first + i] - std::log(sum));
  return result;
}

}  // namespace

TEST_CASE("value and gradient") {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 5}, Shape{4, 33}}) {
    const Tensor target = random_tensor(shape, 2);
    const Doubles wanted(target.span().begin(), target.span().end());
    const auto classes = static_cast<std::size_t>(shape.columns());
    const auto op = [&](std::span<const Variable> in) { return kl_divergence(in[0], target, 4.0); };
    const auto twin = [&](std::span<const Doubles> in) {
      double sum = 0;
      for (std::size_t first = 0; first < in[0].size(); first += classes) {
        const Doubles p = log_softmax(wanted, first, classes), q = log_softmax(in[0], first, classes);
        for (std::size_t i = 0; i < classes; ++i) sum += std::exp(p[i]) * (p[i] - q[i]);
      }
      return Doubles{sum / 4.0};
    };
    testing::full_check(op, twin, {random_tensor(shape, 1)});
  }
}

TEST_CASE("no divergence of equal logits, finite of very unequal ones, errors") {
  const Tensor target = Tensor::from({1, 3}, {200, -200, 0});
  CHECK(std::abs(kl_divergence(Variable(target), target, 1.0).item()) < 1e-6F);
  const Variable far(Tensor::from({1, 3}, {-200, 200, 0}));
  CHECK(kl_divergence(far, target, 1.0).item() == doctest::Approx(400));
  CHECK(testing::error_of([&] {
          kl_divergence(Variable(Tensor::zeros({1, 4})), target, 1.0);
        }) == "kl_divergence: target must be [1,4] (shape of logits), got [1,3]");
  CHECK(testing::error_of([&] {
          kl_divergence(Variable(Tensor::zeros({4})), target, 1.0);
        }).find("logits must have 2 axes") != std::string::npos);
  CHECK(testing::error_of([&] { kl_divergence(far, target, 0.0); }) ==
        "kl_divergence: total_count must be above 0, got 0");
  const Tensor classless = Tensor::zeros({2, 0}), rowless = Tensor::zeros({0, 3});
  CHECK(testing::error_of([&] { kl_divergence(Variable(classless), classless, 1.0); }) ==
        "kl_divergence: logits must have classes, got [2,0]");
  CHECK(kl_divergence(Variable(rowless), rowless, 0.0).item() == 0.0F);
}

}  // namespace espalier::ops
