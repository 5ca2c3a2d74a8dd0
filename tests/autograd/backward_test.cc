#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "espalier/autograd/variable.h"
#include "espalier/base/error.h"
#include "tests/support/support.h"

namespace espalier {
namespace {

// x * y, elementwise, written against the tape directly.
Variable product(const Variable& x, const Variable& y) {
  Tensor value = Tensor::empty(x.shape());
  for (std::int64_t i = 0; i < value.size(); ++i) value.data()[i] = x.value().data()[i] * y.value().data()[i];
  return record("product", value, {x, y}, [](const Tensor& grad, std::span<Variable> in) {
    for (std::size_t side = 0; side < 2; ++side) {
      if (!in[side].requires_grad()) continue;
      const Destination slot = in[side].grad_slot();
      const float* other = in[1 - side].value().data();
      for (std::int64_t i = 0; i < grad.size(); ++i) {
        slot.data[i] = (slot.accumulate ? slot.data[i] : 0.0F) + grad.data()[i] * other[i];
      }
    }
  });
}

Variable scalar(float value, bool requires_grad = true) {
  return Variable(Tensor::full({1}, value), requires_grad);
}

}  // namespace

TEST_CASE("a variable used twice gets both contributions") {
  const Variable x = scalar(3);
  const Variable cube = product(product(x, x), x);
  backward(cube);
  CHECK(cube.item() == 27.0F);
  CHECK(x.grad().data()[0] == 27.0F);
}

TEST_CASE("gradients accumulate over sweeps and can be cleared") {
  Variable x = scalar(2);
  backward(product(x, x));
  backward(product(x, x), 0.5F);
  CHECK(x.grad().data()[0] == 6.0F);
  x.clear_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("constants and detached values get no gradient") {
  const Variable x = scalar(2);
  const Variable constant = scalar(5, false);
  backward(product(product(x, constant), x.detach()));
  CHECK(x.grad().data()[0] == 10.0F);
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("without gradients nothing is recorded") {
  const Variable x = scalar(2);
  const NoGradGuard guard;
  CHECK_FALSE(product(x, x).requires_grad());
  CHECK(testing::error_of([&] { backward(product(x, x)); }).find("requires a gradient") != std::string::npos);
}

TEST_CASE("a second sweep over a freed graph is an error that names the operation") {
  const Variable x = scalar(2);
  const Variable y = product(x, x);
  backward(y);
  CHECK(testing::error_of([&] { backward(y); }).find("`product` was already used") != std::string::npos);
}

TEST_CASE("an upstream gradient must have the shape of the output") {
  const Variable x(Tensor::zeros({2, 3}), true);
  CHECK(testing::error_of([&] {
          backward(product(x, x), Tensor::zeros({3, 2}));
        }) == "backward: upstream gradient must be [2,3] (shape of the output), got [3,2]");
  CHECK(testing::error_of([&] { backward(product(x, x)); }).find("must have one element, got [2,3]") !=
        std::string::npos);
}

TEST_CASE("several outputs: those that nothing depends on have no gradient") {
  const Variable x = scalar(3);
  bool second_reached = true;
  const Variables both = record("split", {Tensor::full({1}, 1.0F), Tensor::full({1}, 2.0F)}, {x},
                                [&](std::span<const Tensor> outputs, std::span<Variable> in) {
                                  second_reached = outputs[1].defined();
                                  in[0].accumulate_grad(outputs[0]);
                                });
  backward(product(both[0], scalar(4, false)));
  CHECK_FALSE(second_reached);
  CHECK(x.grad().data()[0] == 4.0F);
}

TEST_CASE("anomaly detection names the first operation that is not finite") {
  const AnomalyGuard guard;
  const Variable x = scalar(std::numeric_limits<float>::max());
  CHECK(testing::error_of([&] { product(product(x, x), scalar(0)); }) ==
        "anomaly: product: output [1] is inf at element 0");
}

TEST_CASE("the graph frees its memory while it is walked") {
  const Variable x = scalar(1);
  Variable y = product(x, x);
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = token;
  y = record("hold", y.value(), {y}, [held = std::move(token)](const Tensor& grad, std::span<Variable> in) {
    in[0].accumulate_grad(grad);
  });
  CHECK_FALSE(watched.expired());
  backward(y);
  CHECK(watched.expired());
}

TEST_CASE("a sweep tells of each leaf once, when nothing more comes, and while the rest is still to do") {
  const Variable early = scalar(2), late = scalar(3), unused = scalar(4);
  // early is used first and last, so it is complete at the very end.
  const Variable square = product(early, early);
  const Variable left = product(square, late);
  const Variable output = product(left, product(early, scalar(5, false)));
  std::vector<float> told;
  backward(output, [&](const Variable& leaf) {
    told.push_back(leaf.value().data()[0]);
    if (leaf == late) {
      CHECK(late.grad().data()[0] == 40.0F);
      CHECK(early.grad().data()[0] == 60.0F);  // of its last use alone
    }
  });
  CHECK(told == std::vector<float>{3, 2});
  CHECK(early.grad().data()[0] == 180.0F);
  // The next sweep counts anew.
  told.clear();
  backward(product(late, late), [&](const Variable& leaf) { told.push_back(leaf.value().data()[0]); });
  CHECK(told == std::vector<float>{3});
}

TEST_CASE("a gradient can be taken away and put back") {
  Variable x = scalar(3);
  backward(product(x, x));
  Tensor gradient = x.take_grad();
  CHECK(gradient.data()[0] == 6.0F);
  CHECK_FALSE(x.grad().defined());
  x.set_grad(std::move(gradient));
  CHECK(x.grad().data()[0] == 6.0F);
}

TEST_CASE("anomaly detection sees the gradient of a leaf") {
  const AnomalyGuard guard;
  const Variable x = scalar(1e38F), w = scalar(1e-38F);
  const Variable loss = product(product(x, w), scalar(100, false));
  CHECK(testing::error_of([&] { backward(loss); }) ==
        "anomaly: product: gradient of an input [1] is inf at element 0");
}

TEST_CASE("a long graph that no sweep has walked is freed without a deep stack") {
  const Variable x = scalar(1), one = scalar(1, false);
  std::weak_ptr<int> watched;
  {
    auto token = std::make_shared<int>(1);
    watched = token;
    Variable y =
        record("hold", x.value(), {x}, [held = std::move(token)](const Tensor&, std::span<Variable>) {});
    const Variable kept = y;
    for (int i = 0; i < 300000; ++i) y = product(y, i % 3 == 0 ? y : one);
    y = Variable();
    CHECK_FALSE(watched.expired());
    backward(kept);
  }
  CHECK(watched.expired());
}

}  // namespace espalier
