#include "espalier/ops/linear.h"

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

constexpr const char* kLinear = "linear";

void check(const Variable& x, const Variable& weight, const Variable& bias) {
  require_defined(kLinear, "x", x);
  require_defined(kLinear, "weight", weight);
  require_least_rank(kLinear, "x", x.shape(), 1);
  require_rank(kLinear, "weight", weight.shape(), 2);
  const Shape& out_in = weight.shape();
  require_shape(kLinear, "weight", out_in, {out_in[0], x.shape().columns()}, "last axis of x", x.shape());
  if (bias.defined()) require_shape(kLinear, "bias", bias.shape(), {out_in[0]}, "rows of weight", out_in);
}

}  // namespace

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  check(x, weight, bias);
  const std::int64_t rows = x.shape().rows();
  const std::int64_t out = weight.shape()[0];
  const std::int64_t in = weight.shape()[1];
  Tensor y = Tensor::empty(x.shape().with_last(out));
  if (bias.defined()) kernels::repeat_row(rows, out, bias.value().data(), y.data());
  kernels::matmul(rows, out, in, {x.value().data(), in}, {weight.value().data(), in, true},
                  {y.data(), bias.defined()}, out);
  const Tensor kept = weight.requires_grad() ? x.value() : Tensor();
  return record(kLinear, y, {x.without_value(), weight, bias},
                [rows, out, in, kept, w = weight.value()](const Tensor& dy, std::span<Variable> inputs) {
                  if (inputs[0].requires_grad()) {
                    const Destination dx = inputs[0].grad_slot();  // [rows, in] = dy [rows, out] w [out, in]
                    kernels::matmul(rows, in, out, {dy.data(), out}, {w.data(), in}, dx, in);
                  }
                  if (inputs[1].requires_grad()) {
                    const Destination dw = inputs[1].grad_slot();  // [out, in] = dy^T x
                    kernels::matmul_over_rows(out, in, rows, dy.data(), out, kept.data(), in, dw, in);
                  }
                  if (inputs[2].requires_grad()) {
                    const Destination db = inputs[2].grad_slot();  // [out]
                    kernels::sum_over_rows(rows, out, dy.data(), db);
                  }
                });
}

}  // namespace espalier::ops
