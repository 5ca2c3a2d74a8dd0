#include "espalier/ops/elementwise.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

void check_add(const Variable& x, const Variable& y) {
  require_defined("add", "x", x);
  require_defined("add", "y", y);
  const auto longer = x.shape().extents();
  const auto shorter = y.shape().extents();
  const bool fits = shorter.size() <= longer.size() &&
                    std::equal(shorter.begin(), shorter.end(), longer.end() - y.shape().rank());
  if (!fits) {
    fail("add", fmt::format("y must have the shape of x {} or of its last axes, got {}", x.shape().str(),
                            y.shape().str()));
  }
}

// How often y is repeated over the leading axes of x.
std::int64_t repeats(const Shape& x, const Shape& y) {
  std::int64_t product = 1;
  for (int axis = 0; axis < x.rank() - y.rank(); ++axis) product *= x[axis];
  return product;
}

}  // namespace

Variable add(const Variable& x, const Variable& y) {
  check_add(x, y);
  const std::int64_t rows = repeats(x.shape(), y.shape());
  const std::int64_t width = y.value().size();
  const bool repeated = x.shape() != y.shape();
  Tensor z = Tensor::empty(x.shape());
  if (repeated) {
    kernels::add_row(rows, width, x.value().data(), y.value().data(), z.data());
  } else {
    kernels::add(width, x.value().data(), y.value().data(), z.data());
  }
  return record("add", z, {x.without_value(), y.without_value()},
                [rows, width, repeated](const Tensor& dz, std::span<Variable> in) {
                  if (in[1].requires_grad() && repeated) {
                    const Destination dy = in[1].grad_slot();  // [width]
                    kernels::sum_over_rows(rows, width, dz.data(), dy);
                  } else if (in[1].requires_grad()) {
                    in[1].accumulate_grad(dz);
                  }
                  if (in[0].requires_grad()) in[0].accumulate_grad(dz);
                });
}

Variable scale(const Variable& x, float factor) {
  require_defined("scale", "x", x);
  const std::int64_t n = x.value().size();
  Tensor y = Tensor::empty(x.shape());
  kernels::scale(n, factor, x.value().data(), y.data());
  return record("scale", y, {x.without_value()}, [n, factor](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    kernels::scale(n, factor, dy.data(), dx);
  });
}

Variable multiply(const Variable& x, const Variable& y) {
  require_defined("multiply", "x", x);
  require_defined("multiply", "y", y);
  require_shape("multiply", "y", y.shape(), x.shape(), "shape of x");
  const std::int64_t n = x.value().size();
  Tensor z = Tensor::empty(x.shape());
  kernels::multiply(n, x.value().data(), y.value().data(), z.data());
  const Tensor kept_x = y.requires_grad() ? x.value() : Tensor();
  const Tensor kept_y = x.requires_grad() ? y.value() : Tensor();
  return record("multiply", z, {x.without_value(), y.without_value()},
                [n, kept_x, kept_y](const Tensor& dz, std::span<Variable> in) {
                  if (in[0].requires_grad()) {
                    const Destination dx = in[0].grad_slot();
                    kernels::multiply(n, dz.data(), kept_y.data(), dx);
                  }
                  if (in[1].requires_grad()) {
                    const Destination dy = in[1].grad_slot();
                    kernels::multiply(n, dz.data(), kept_x.data(), dy);
                  }
                });
}

Variable multiply_scalar(const Variable& x, const Variable& scalar) {
  require_defined("multiply_scalar", "x", x);
  require_defined("multiply_scalar", "scalar", scalar);
  if (scalar.value().size() != 1) {
    fail("multiply_scalar", fmt::format("scalar must have one element, got {}", scalar.shape().str()));
  }
  const std::int64_t n = x.value().size();
  const float factor = scalar.item();
  Tensor y = Tensor::empty(x.shape());
  kernels::scale(n, factor, x.value().data(), y.data());
  const Tensor kept = scalar.requires_grad() ? x.value() : Tensor();
  return record("multiply_scalar", y, {x.without_value(), scalar},
                [n, factor, kept](const Tensor& dy, std::span<Variable> in) {
                  if (in[0].requires_grad()) {
                    const Destination dx = in[0].grad_slot();
                    kernels::scale(n, factor, dy.data(), dx);
                  }
                  if (in[1].requires_grad()) {
                    const Destination ds = in[1].grad_slot();  // [1] = <dy, x>
                    const auto sum = static_cast<float>(kernels::dot(n, dy.data(), kept.data()));
                    *ds.data = ds.accumulate ? *ds.data + sum : sum;
                  }
                });
}

}  // namespace espalier::ops
