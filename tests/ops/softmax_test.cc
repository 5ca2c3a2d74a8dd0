#include "espalier/ops/softmax.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

testing::DoubleTwin plain_softmax(std::size_t width) {
  return [width](std::span<const Doubles> in) {
    Doubles out = in[0];
    for (std::size_t first = 0; first < out.size(); first += width) {
      double sum = 0;
      for (std::size_t i = first; i < first + width; ++i) sum += std::exp(in[0][i] - in[0][first]);
      for (std::size_t i = first; i < first + width; ++i) out[i] = std::exp(in[0][i] - in[0][first]) / sum;
    }
    return out;
  };
}

Variable softmax_op(std::span<const Variable> in) {
  return softmax(in[0]);
}

}  // namespace

TEST_CASE("value and gradient over the last axis") {
  for (const Shape& shape :
       {Shape{5}, Shape{3, 1}, Shape{3, 7}, Shape{2, 3, 8}, Shape{0, 4}, Shape{4, 0}, Shape{2, 37}}) {
    testing::full_check(softmax_op, plain_softmax(static_cast<std::size_t>(shape.columns())),
                        {random_tensor(shape, 1, -3, 3)});
  }
}

TEST_CASE("large and equal values neither overflow nor lose the sum of one") {
  Tensor x = random_tensor({4, 20}, 2, -3, 3);
  for (std::int64_t i = 0; i < 20; ++i) {
    x.data()[i] += 5e4F;
    x.data()[20 + i] = 0.25F;
    x.data()[40 + i] -= i > 4 ? 10000.0F : 0.0F;
  }
  x.data()[60] = -INFINITY;
  const Variable y = softmax(Variable(x));
  for (std::int64_t row = 0; row < 4; ++row) {
    double sum = 0;
    for (std::int64_t i = 0; i < 20; ++i) sum += static_cast<double>(y.value().data()[row * 20 + i]);
    CHECK(std::abs(sum - 1) < 1e-6);
  }
  CHECK(y.value().data()[25] == 0.05F);
  CHECK(y.value().data()[47] == 0.0F);
  CHECK(y.value().data()[60] == 0.0F);
}

TEST_CASE("NaN anywhere makes its row NaN") {
  for (std::int64_t place = 0; place < 19; ++place) {
    Tensor x = random_tensor({2, 19}, 3);
    x.data()[place] = NAN;
    const Tensor y = softmax(Variable(x)).value();
    for (std::int64_t i = 0; i < 38; ++i) CHECK(std::isnan(y.data()[i]) == (i < 19));
  }
}

TEST_CASE("errors") {
  CHECK(testing::error_of([] { softmax(Variable(Tensor::zeros({}))); }) ==
        "softmax: x must have at least 1 axis, got []");
}

}  // namespace espalier::ops
