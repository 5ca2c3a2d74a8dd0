#include <doctest/doctest.h>

#include "espalier/autograd/variable.h"
#include "espalier/tensor/pool.h"
#include "tests/support/support.h"

namespace espalier {
namespace {

// x + x, which reads no value in backward.
Variable doubled(const Variable& x) {
  Tensor y = Tensor::empty(x.shape());
  for (std::int64_t i = 0; i < y.size(); ++i) y.data()[i] = 2 * x.value().data()[i];
  return record("doubled", y, {x.without_value()}, [](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    for (std::int64_t i = 0; i < dy.size(); ++i) {
      dx.data[i] = (dx.accumulate ? dx.data[i] : 0.0F) + 2 * dy.data()[i];
    }
  });
}

}  // namespace

TEST_CASE("an input without its value still leads the gradient on, and its memory is free at once") {
  const Variable x(Tensor::full({1 << 20}, 1.0F), true);
  const std::int64_t before = pool_statistics().live_bytes;
  Variable y = doubled(doubled(doubled(x)));
  // Only the last value is alive: 4 MiB and not 12.
  CHECK(pool_statistics().live_bytes - before < 5 * (1 << 20));
  CHECK(y.value().data()[7] == 8.0F);
  backward(y, Tensor::full(y.shape(), 0.5F));
  CHECK(x.grad().data()[7] == 4.0F);
}

TEST_CASE("the gradient of a value used with and without its value is one sum") {
  const Variable x(Tensor::full({2}, 1.0F), true);
  const Variable y = doubled(x);
  const Variable both =
      record("both", y.value().clone(), {y, y.without_value()}, [](const Tensor& dy, std::span<Variable> in) {
        CHECK(in[1].shape() == Shape{2});
        in[0].accumulate_grad(dy.clone());
        in[1].accumulate_grad(dy);
      });
  backward(both, Tensor::full({2}, 1.0F));
  CHECK(x.grad().data()[1] == 4.0F);
}

TEST_CASE("leaves and undefined variables are returned as they are") {
  const Variable leaf(Tensor::full({1}, 3.0F), true);
  CHECK(leaf.without_value() == leaf);
  CHECK(leaf.without_value().item() == 3.0F);
  CHECK_FALSE(Variable().without_value().defined());
}

TEST_CASE("the caller's upstream gradient is left alone") {
  const Variable x(Tensor::full({1}, 1.0F), true);
  const auto identity = [&] {
    return record("identity", x.value().clone(), {x},
                  [](const Tensor& dy, std::span<Variable> in) { in[0].accumulate_grad(dy); });
  };
  const Tensor upstream = Tensor::full({1}, 1.0F);
  for (int i = 0; i < 3; ++i) backward(identity(), upstream);
  CHECK(x.grad().data()[0] == 3.0F);
  CHECK(upstream.data()[0] == 1.0F);
}

}  // namespace espalier
