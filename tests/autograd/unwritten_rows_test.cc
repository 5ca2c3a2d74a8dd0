// Rows of a gradient that an operation leaves unwritten because they are zeros.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/autograd/variable.h"
#include "tests/support/support.h"

namespace espalier {
namespace {

// A sum over x [3, 2] whose gradient, `seed` everywhere, is not written to row 1 but marked as zeros there.
Variable sum_without_row_1(const Variable& x) {
  return record("sum", Tensor::zeros({1}), {x}, [](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    for (const std::int64_t i : {0, 1, 4, 5}) dx.data[i] = (dx.accumulate ? dx.data[i] : 0) + dy.data()[0];
    if (dx.accumulate) return;
    std::fill_n(dx.data + 2, 2, std::numeric_limits<float>::quiet_NaN());
    in[0].leave_unwritten(std::make_shared<PoolVector<char>>(std::initializer_list<char>{0, 1, 0}));
  });
}

Variable matrix() {
  return Variable(Tensor::full({3, 2}, 1.0F), true);
}

const std::vector<float> kOnce = {1, 1, 0, 0, 1, 1};
const std::vector<float> kTwice = {2, 2, 0, 0, 2, 2};

}  // namespace

TEST_CASE("grad() has the zeros of rows left unwritten; partial_grad() tells of them and does not write") {
  const Variable x = matrix();
  backward(sum_without_row_1(x));
  REQUIRE(x.unwritten_rows() != nullptr);
  CHECK(*x.unwritten_rows() == PoolVector<char>{0, 1, 0});
  CHECK(std::isnan(x.partial_grad().data()[2]));
  CHECK(x.grad().to_vector() == kOnce);
  CHECK(x.unwritten_rows() == nullptr);
}

TEST_CASE("what is added to a gradient with unwritten rows is added to zeros") {
  const Variable x = matrix();
  backward(sum_without_row_1(x));
  backward(sum_without_row_1(x));
  CHECK(x.unwritten_rows() == nullptr);
  CHECK(x.partial_grad().to_vector() == kTwice);
  Variable y = matrix();
  backward(sum_without_row_1(y));
  y.accumulate_grad(Tensor::full({3, 2}, 1.0F));
  CHECK(y.grad().to_vector() == std::vector<float>{2, 2, 1, 1, 2, 2});
}

TEST_CASE("a gradient that is taken is whole; one that is cleared or replaced has no unwritten rows") {
  Variable x = matrix();
  backward(sum_without_row_1(x));
  CHECK(x.take_grad().to_vector() == kOnce);
  CHECK(x.unwritten_rows() == nullptr);
  backward(sum_without_row_1(x));
  x.clear_grad();
  CHECK(x.unwritten_rows() == nullptr);
  backward(sum_without_row_1(x));
  x.set_grad(Tensor::full({3, 2}, 5.0F));
  CHECK(x.grad().to_vector() == std::vector<float>(6, 5.0F));
}

TEST_CASE("the gradient of a result is whole when its operation gets it") {
  const Variable x = matrix();
  const Variable same = record("same", x.value().clone(), {x}, [](const Tensor& dy, std::span<Variable> in) {
    in[0].accumulate_grad(dy.clone());
  });
  backward(sum_without_row_1(same));
  CHECK(x.grad().to_vector() == kOnce);
}

}  // namespace espalier
