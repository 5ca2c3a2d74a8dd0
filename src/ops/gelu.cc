#include "espalier/ops/gelu.h"

#include <fmt/format.h>

#include "kernels/gelu.h"
#include "ops/check.h"
#include "ops/kept.h"

namespace espalier::ops {
namespace {

using Forward = void (*)(std::int64_t n, const float* x, float* y);
using Backward = void (*)(std::int64_t n, const float* x, const float* dy, Destination dx);

Kept kept_of(const Variable& x, Precision precision) {
  return records_gradient({x}) ? Kept(x.value(), precision) : Kept();
}

Variable elementwise(const char* name, const Variable& x, Precision precision, Forward forward,
                     Backward backward) {
  require_defined(name, "x", x);
  const std::int64_t n = x.value().size();
  Tensor y = Tensor::empty(x.shape());
  forward(n, x.value().data(), y.data());
  const Kept kept = kept_of(x, precision);
  return record(name, y, {x.without_value()}, [n, kept, backward](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    backward(n, kept.value().data(), dy.data(), dx);
  });
}

}  // namespace

Variable gelu(const Variable& x, Precision precision) {
  return elementwise("gelu", x, precision, kernels::gelu, kernels::gelu_backward);
}

Variable gelu_tanh(const Variable& x, Precision precision) {
  return elementwise("gelu_tanh", x, precision, kernels::gelu_tanh, kernels::gelu_tanh_backward);
}

Variable gated_gelu(const Variable& x, Precision precision) {
  require_defined("gated_gelu", "x", x);
  require_least_rank("gated_gelu", "x", x.shape(), 1);
  if (x.shape().columns() % 2 != 0) {
    fail("gated_gelu",
         fmt::format("x must have an even last axis (value half, gate half), got {}", x.shape().str()));
  }
  const std::int64_t rows = x.shape().rows();
  const std::int64_t width = x.shape().columns() / 2;
  Tensor y = Tensor::empty(x.shape().with_last(width));
  kernels::gated_gelu(rows, width, x.value().data(), y.data());
  const Kept kept = kept_of(x, precision);
  return record("gated_gelu", y, {x.without_value()},
                [rows, width, kept](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();  // [rows, 2 width]
                  kernels::gated_gelu_backward(rows, width, kept.value().data(), dy.data(), dx);
                });
}

}  // namespace espalier::ops
