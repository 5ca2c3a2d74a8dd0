#include "espalier/ops/softmax.h"

#include "kernels/softmax.h"
#include "ops/check.h"

namespace espalier::ops {

Variable softmax(const Variable& x) {
  require_defined("softmax", "x", x);
  require_least_rank("softmax", "x", x.shape(), 1);
  const std::int64_t rows = x.shape().rows();
  const std::int64_t width = x.shape().columns();
  Tensor y = Tensor::empty(x.shape());
  kernels::softmax(rows, width, x.value().data(), y.data());
  return record("softmax", y, {x.without_value()},
                [rows, width, y](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();
                  kernels::softmax_backward(rows, width, y.data(), dy.data(), dx);
                });
}

}  // namespace espalier::ops
