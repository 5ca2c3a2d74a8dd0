#include "espalier/ops/binary_entropy.h"

#include <algorithm>

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

testing::DoubleTwin plain_entropy(double limit) {
  return [limit](std::span<const Doubles> in) {
    Doubles out;
    for (const double p : in[0]) {
      const double c = std::clamp(p, limit, 1 - limit);
      out.push_back(-c * std::log(c) - (1 - c) * std::log(1 - c));
    }
    return out;
  };
}

}  // namespace

TEST_CASE("value and gradient away from the clamp") {
  const auto op = [](std::span<const Variable> in) { return binary_entropy(in[0]); };
  for (const Shape& shape : testing::kShapes) {
    testing::full_check(op, plain_entropy(1e-6), {random_tensor(shape, 1, 0.01F, 0.99F)});
  }
}

TEST_CASE("beyond the clamp the value is the limit's and the gradient is zero") {
  const Tensor p = Tensor::from({6}, {0.0F, 1.0F, -3.0F, 0.05F, 0.95F, 0.5F});
  const auto op = [](std::span<const Variable> in) { return binary_entropy(in[0], 0.1F); };
  testing::full_check(op, plain_entropy(static_cast<double>(0.1F)), {p});
  const Tensor small = binary_entropy(Variable(p)).value();
  CHECK(std::abs(small.data()[0] - 1.481551e-5F) < 2e-7F);
  CHECK(std::abs(small.data()[1] - 1.481551e-5F) < 1e-6F);  // 1 - 1e-6 is 1 - 9.54e-7 in float32
  CHECK(std::abs(small.data()[5] - 0.6931472F) < 1e-7F);
}

TEST_CASE("NaN stays NaN; a senseless limit is an error") {
  CHECK(std::isnan(binary_entropy(Variable(Tensor::full({1}, NAN))).item()));
  const Variable p(Tensor::full({1}, 0.5F));
  CHECK(testing::error_of([&] { binary_entropy(p, 0.5F); }) ==
        "binary_entropy: limit must lie in [1e-7, 0.5), got 0.5");
  CHECK(testing::error_of([&] { binary_entropy(p, 0.0F); }) ==
        "binary_entropy: limit must lie in [1e-7, 0.5), got 0");
}

}  // namespace espalier::ops
