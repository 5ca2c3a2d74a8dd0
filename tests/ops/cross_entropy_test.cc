#include "espalier/ops/cross_entropy.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::error_of;
using testing::random_tensor;

constexpr std::int32_t kIgnored = -100;

double plain_cross_entropy(const Doubles& logits, const IntTensor& targets, const Doubles& weights,
                           std::int64_t ignored) {
  const std::size_t classes = weights.size();
  double sum = 0, total = 0;
  for (std::size_t row = 0; row < logits.size() / classes; ++row) {
    if (targets.data()[row] == ignored) continue;
    const auto target = static_cast<std::size_t>(targets.data()[row]);
    double exponentials = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      exponentials += std::exp(logits[row * classes + c] - logits[row * classes + target]);
    }
    sum += weights[target] * std::log(exponentials);
    total += weights[target];
  }
  return total > 0 ? sum / total : 0.0;
}

void check_cross_entropy(const Shape& shape, const std::vector<std::int32_t>& targets,
                         CrossEntropyOptions options = {}) {
  CAPTURE(shape.str());
  const auto rows = shape.extents().first(static_cast<std::size_t>(shape.rank() - 1));
  const IntTensor target = IntTensor::from(Shape(rows), targets);
  Doubles weights(static_cast<std::size_t>(shape.columns()), 1.0);
  if (options.class_weights.defined()) {
    weights.assign(options.class_weights.span().begin(), options.class_weights.span().end());
  }
  testing::check_op([&](std::span<const Variable> in) { return cross_entropy(in[0], target, options); },
                    [&](std::span<const Doubles> in) {
                      return Doubles{plain_cross_entropy(in[0], target, weights, options.ignore_index)};
                    },
                    {random_tensor(shape, 1, -3.0F, 3.0F)});
}

}  // namespace

TEST_CASE("cross_entropy equals its plain twin, value and gradient") {
  check_cross_entropy({1, 1}, {0});
  check_cross_entropy({3, 2}, {0, 1, 1});
  check_cross_entropy({4, 37}, {0, 36, 5, 16});
  check_cross_entropy({2, 2, 5}, {4, 3, 2, 1});
  check_cross_entropy({6}, {5});
}

TEST_CASE("cross_entropy leaves ignored rows out of the loss and the mean") {
  check_cross_entropy({4, 5}, {2, kIgnored, 0, kIgnored});
  check_cross_entropy({3, 5}, {1, 3, 1}, {.ignore_index = 1});
}

TEST_CASE("cross_entropy weighs rows by the class of their target") {
  check_cross_entropy({5, 3}, {0, 1, 2, 2, kIgnored},
                      {.class_weights = Tensor::from({3}, {0.5F, 2.0F, 3.0F})});
  check_cross_entropy({3, 2}, {0, 1, 1}, {.class_weights = Tensor::from({2}, {0.0F, 2.0F})});
}

TEST_CASE("cross_entropy is zero, with a zero gradient, where no row counts") {
  const Variable logits(random_tensor({2, 3}, 1), true);
  const Variable loss = cross_entropy(logits, IntTensor::from({2}, {kIgnored, kIgnored}));
  CHECK(loss.item() == 0.0F);
  backward(loss);
  CHECK(logits.grad().to_vector() == std::vector<float>(6, 0.0F));
  CHECK(cross_entropy(Variable(Tensor::empty({0, 3})), IntTensor::empty({0})).item() == 0.0F);
}

TEST_CASE("cross_entropy of extreme logits neither overflows nor loses the loss") {
  const Variable logits(Tensor::from({3, 2}, {1e30F, -1e30F, 8e4F, 8e4F, -200.0F, 0.0F}), true);
  const Variable loss = cross_entropy(logits, IntTensor::from({3}, {0, 1, 0}));
  CHECK(loss.item() == doctest::Approx((0.0 + std::log(2.0) + 200.0) / 3));
  backward(loss);
  CHECK(logits.grad().data()[0] == 0.0F);
  CHECK(logits.grad().data()[2] == doctest::Approx(0.5 / 3));
  CHECK(logits.grad().data()[4] == doctest::Approx(-1.0 / 3));
}

TEST_CASE("cross_entropy does not hide a NaN") {
  const Variable logits(Tensor::from({1, 3}, {1.0F, NAN, 2.0F}), true);
  const Variable loss = cross_entropy(logits, IntTensor::from({1}, {0}));
  CHECK(std::isnan(loss.item()));
  backward(loss);
  CHECK(std::isnan(logits.grad().data()[2]));
}

TEST_CASE("cross_entropy says what does not fit") {
  const Variable logits(Tensor::zeros({2, 3}));
  CHECK(error_of([&] {
          cross_entropy(logits, IntTensor::from({2}, {0, 3}));
        }) == "cross_entropy: target 3 of row 1 is none of the 3 classes of logits [2,3]");
  CHECK(error_of([&] {
          cross_entropy(logits, IntTensor::from({2}, {-1, 0}));
        }) == "cross_entropy: target -1 of row 0 is none of the 3 classes of logits [2,3]");
  CHECK(error_of([&] {
          cross_entropy(logits, IntTensor::from({3}, {0, 0, 0}));
        }) == "cross_entropy: targets must be [2] (one for each row of logits [2,3]), got [3]");
  CHECK(error_of([&] {
          cross_entropy(logits, IntTensor::from({2}, {0, 0}), {.class_weights = Tensor::zeros({2})});
        }) == "cross_entropy: class_weights must be [3] (last axis of logits [2,3]), got [2]");
}

}  // namespace espalier::ops
