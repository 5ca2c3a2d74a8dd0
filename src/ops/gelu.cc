#include "espalier/ops/gelu.h"

#include <fmt/format.h>

#include "kernels/gelu.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

using Forward = void (*)(std::int64_t n, const float* x, float* y);
using Backward = void (*)(std::int64_t n, const float* x, const float* dy, Destination dx);

Variable elementwise(const char* name, const Variable& x, Forward forward, Backward backward) {
  require_defined(name, "x", x);
  const std::int64_t n = x.value().size();
  Tensor y = Tensor::empty(x.shape());
  forward(n, x.value().data(), y.data());
  return record(name, y, {x}, [n, backward](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    backward(n, in[0].value().data(), dy.data(), dx);
  });
}

}  // namespace

Variable gelu(const Variable& x) {
  return elementwise("gelu", x, kernels::gelu, kernels::gelu_backward);
}

Variable gelu_tanh(const Variable& x) {
  return elementwise("gelu_tanh", x, kernels::gelu_tanh, kernels::gelu_tanh_backward);
}

Variable gated_gelu(const Variable& x) {
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
  return record("gated_gelu", y, {x}, [rows, width](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();  // [rows, 2 width]
    kernels::gated_gelu_backward(rows, width, in[0].value().data(), dy.data(), dx);
  });
}

}  // namespace espalier::ops
