#include "espalier/ops/dropout.h"

#include "espalier/base/philox.h"
#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

constexpr DropoutKey kKey{.seed = 11, .step = 3, .site = 5};

// The plain twin: one draw an element, straight from the generator.
testing::DoubleTwin plain_dropout(float p, const DropoutKey& key) {
  return [p, key](std::span<const Doubles> in) {
    const Philox random(key.seed, RandomStream::kDropout, key.step);
    Doubles out = in[0];
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] *= random.uniform((key.site << 32) | i) >= p ? 1 / (1 - static_cast<double>(p)) : 0.0;
    }
    return out;
  };
}

std::vector<float> mask(float p, const DropoutKey& key) {
  return dropout(Variable(Tensor::full({4000}, 1.0F)), p, key).value().to_vector();
}

}  // namespace

TEST_CASE("value and gradient, the mask replayed in backward") {
  for (const float p : {0.1F, 0.5F, 0.9F}) {
    const auto op = [p](std::span<const Variable> in) { return dropout(in[0], p, kKey); };
    for (const Shape& shape : testing::kShapes)
      testing::full_check(op, plain_dropout(p, kKey), {random_tensor(shape, 1)});
    testing::full_check(op, plain_dropout(p, kKey), {random_tensor({131}, 2)});
  }
}

TEST_CASE("drops the stated share and keeps the mean") {
  const Tensor y = dropout(Variable(Tensor::full({100000}, 1.0F)), 0.1F, kKey).value();
  std::int64_t dropped = 0;
  for (const float value : y.span()) {
    if (value == 0.0F)
      ++dropped;
    else
      CHECK(value == 1.0F / (1.0F - 0.1F));
  }
  // Standard deviation 95.
  CHECK(dropped > 9500);
  CHECK(dropped < 10500);
}

TEST_CASE("seed, step and site each change the mask; the same key gives the same one") {
  const std::vector<float> base = mask(0.5F, kKey);
  CHECK(mask(0.5F, kKey) == base);
  CHECK(mask(0.5F, {.seed = 12, .step = 3, .site = 5}) != base);
  CHECK(mask(0.5F, {.seed = 11, .step = 4, .site = 5}) != base);
  CHECK(mask(0.5F, {.seed = 11, .step = 3, .site = 6}) != base);
}

TEST_CASE("p of zero is the input itself; p out of range is an error") {
  const Variable x(random_tensor({3}, 1), true);
  CHECK(dropout(x, 0.0F, kKey) == x);
  CHECK(testing::error_of([&] { dropout(x, 1.0F, kKey); }) == "dropout: p must lie in [0, 1), got 1");
  CHECK(testing::error_of([&] { dropout(x, -0.5F, kKey); }) == "dropout: p must lie in [0, 1), got -0.5");
  CHECK(testing::error_of([&] { dropout(x, NAN, kKey); }) == "dropout: p must lie in [0, 1), got nan");
  CHECK(testing::error_of([&] { dropout(x, 0.5F, {.site = 1 << 18}); }) ==
        "dropout: key.site must be below 2^18, got 262144");
}

}  // namespace espalier::ops
