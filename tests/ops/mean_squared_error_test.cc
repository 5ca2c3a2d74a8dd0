#include "espalier/ops/mean_squared_error.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {

using testing::Doubles;
using testing::random_tensor;

TEST_CASE("value and gradient") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{9}, Shape{3, 5}, Shape{17000}}) {
    const Tensor target = random_tensor(shape, 2);
    const auto op = [&](std::span<const Variable> in) { return mean_squared_error(in[0], target); };
    const auto twin = [&](std::span<const Doubles> in) {
      double sum = 0;
      for (std::size_t i = 0; i < in[0].size(); ++i)
        sum += std::pow(in[0][i] - static_cast<double>(target.span()[i]), 2);
      return Doubles{sum / static_cast<double>(in[0].size())};
    };
    // Differences of a sum of 17000 terms for each of 17000 elements would take long: the value alone.
    if (shape.elements() > 1000) {
      const Variable x(random_tensor(shape, 1));
      const Doubles doubles(x.value().span().begin(), x.value().span().end());
      CHECK(std::abs(static_cast<double>(op({&x, 1}).item()) - twin({&doubles, 1})[0]) < 1e-7);
    } else {
      testing::full_check(op, twin, {random_tensor(shape, 1)});
    }
  }
}

TEST_CASE("errors") {
  const Variable prediction(Tensor::zeros({4}));
  CHECK(testing::error_of([&] {
          mean_squared_error(prediction, Tensor::zeros({4, 1}));
        }) == "mean_squared_error: target must be [4] (shape of prediction), got [4,1]");
  CHECK(testing::error_of([&] { mean_squared_error(prediction, Tensor()); }) ==
        "mean_squared_error: target must be given, got an undefined tensor");
  CHECK(testing::error_of([] { mean_squared_error(Variable(Tensor::zeros({0})), Tensor::zeros({0})); }) ==
        "mean_squared_error: prediction must have at least one element, got [0]");
}

}  // namespace espalier::ops
