#include "espalier/ops/reduce.h"

#include <fmt/format.h>

#include "espalier/tensor/pool.h"
#include "kernels/reduce.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

// factor * sum over all elements.
Variable scaled_sum(const char* name, const Variable& x, double factor) {
  const std::int64_t n = x.value().size();
  const Tensor y = Tensor::full(Shape(), static_cast<float>(factor * kernels::sum(n, x.value().data())));
  return record(name, y, {x.without_value()}, [n, factor](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    kernels::repeat_middle(1, n, 1, static_cast<float>(factor), dy.data(), dx);
  });
}

// factor * sum over one axis, counted from 0.
Variable scaled_sum_axis(const char* name, const Variable& x, int axis, double factor) {
  std::int64_t outer = 1, inner = 1;
  PoolVector<std::int64_t> kept;
  for (int i = 0; i < x.shape().rank(); ++i) {
    if (i < axis) outer *= x.shape()[i];
    if (i > axis) inner *= x.shape()[i];
    if (i != axis) kept.push_back(x.shape()[i]);
  }
  const std::int64_t count = x.shape()[axis];
  const auto weight = static_cast<float>(factor);
  Tensor y = Tensor::empty(Shape(kept));
  kernels::sum_over_middle(outer, count, inner, factor, x.value().data(), y.data());
  return record(name, y, {x.without_value()},
                [outer, count, inner, weight](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();  // [outer, count, inner]
                  kernels::repeat_middle(outer, count, inner, weight, dy.data(), dx);
                });
}

}  // namespace

Variable sum(const Variable& x) {
  require_defined("sum", "x", x);
  return scaled_sum("sum", x, 1.0);
}

Variable mean(const Variable& x) {
  require_defined("mean", "x", x);
  const std::int64_t n = x.value().size();
  if (n == 0) fail("mean", fmt::format("x must have at least one element, got {}", x.shape().str()));
  return scaled_sum("mean", x, 1.0 / static_cast<double>(n));
}

Variable sum_axis(const Variable& x, int axis) {
  require_defined("sum_axis", "x", x);
  return scaled_sum_axis("sum_axis", x, require_axis("sum_axis", "x", x.shape(), axis), 1.0);
}

Variable mean_axis(const Variable& x, int axis) {
  require_defined("mean_axis", "x", x);
  const int at = require_axis("mean_axis", "x", x.shape(), axis);
  const std::int64_t count = x.shape()[at];
  if (count == 0) fail("mean_axis", fmt::format("axis {} of x {} has no entries", at, x.shape().str()));
  return scaled_sum_axis("mean_axis", x, at, 1.0 / static_cast<double>(count));
}

}  // namespace espalier::ops
