#include "espalier/ops/linear.h"

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"
#include "ops/check.h"
#include "ops/kept.h"

namespace espalier::ops {
namespace {

constexpr const char* kLinear = "linear";

void check(const Variable& x, const Shape& out_in, const Variable& bias) {
  require_defined(kLinear, "x", x);
  require_least_rank(kLinear, "x", x.shape(), 1);
  require_rank(kLinear, "weight", out_in, 2);
  require_shape(kLinear, "weight", out_in, {out_in[0], x.shape().columns()}, "last axis of x", x.shape());
  if (bias.defined()) require_shape(kLinear, "bias", bias.shape(), {out_in[0]}, "rows of weight", out_in);
}

struct LinearSize {
  std::int64_t rows, out, in;
};

// y [rows, out] = x [rows, in] weight^T + bias.
template <class Element>
Tensor forward(const LinearSize& n, const Shape& shape, const Element* x, const Element* weight,
               const Variable& bias) {
  Tensor y = Tensor::empty(shape.with_last(n.out));
  if (bias.defined()) kernels::repeat_row(n.rows, n.out, bias.value().data(), y.data());
  kernels::matmul(n.rows, n.out, n.in, {x, n.in}, {weight, n.in, true}, {y.data(), bias.defined()}, n.out);
  return y;
}

// The gradients of x [rows, in] = dy [rows, out] w [out, in], and of weight [out, in] = dy^T x.
template <class Element>
void backward_products(const LinearSize& n, const Element* dy, const Element* weight, const Element* x,
                       std::span<Variable> inputs) {
  if (inputs[0].requires_grad()) {
    kernels::matmul(n.rows, n.in, n.out, {dy, n.out}, {weight, n.in}, inputs[0].grad_slot(), n.in);
  }
  if (inputs[1].requires_grad()) {
    kernels::matmul_over_rows(n.out, n.in, n.rows, dy, n.out, x, n.in, inputs[1].grad_slot(), n.in);
  }
}

void bias_gradient(const LinearSize& n, const Tensor& dy, Variable& bias) {
  if (!bias.requires_grad()) return;
  const Destination db = bias.grad_slot();  // [out]
  kernels::sum_over_rows(n.rows, n.out, dy.data(), db);
}

Variable linear_float32(const LinearSize& n, const Variable& x, const Variable& weight,
                        const Variable& bias) {
  Tensor y = forward(n, x.shape(), x.value().data(), weight.value().data(), bias);
  const Tensor kept = weight.requires_grad() ? x.value() : Tensor();
  return record(kLinear, std::move(y), {x.without_value(), weight, bias},
                [n, kept, w = weight.value()](const Tensor& dy, std::span<Variable> inputs) {
                  backward_products(n, dy.data(), w.data(), kept.data(), inputs);
                  bias_gradient(n, dy, inputs[2]);
                });
}

// Of x only what the product read waits for backward, half the memory. The weight is rounded a second time
// there: that takes 1 % of the products' time with 4096 rows, and a copy that waits half the weights' memory.
Variable linear_bf16(const LinearSize& n, const Variable& x, const Variable& weight, const Variable& bias) {
  Bfloat16Tensor kept = to_bfloat16(x.value());
  Tensor y = forward<kernels::Bfloat16>(n, x.shape(), kept.data(), to_bfloat16(weight.value()).data(), bias);
  if (!weight.requires_grad()) kept = Bfloat16Tensor();
  return record(kLinear, std::move(y), {x.without_value(), weight, bias},
                [n, kept, w = weight.value()](const Tensor& dy, std::span<Variable> inputs) {
                  const Bfloat16Tensor narrow = inputs[0].requires_grad() ? to_bfloat16(w) : Bfloat16Tensor();
                  backward_products<kernels::Bfloat16>(n, to_bfloat16(dy).data(), narrow.data(), kept.data(),
                                                       inputs);
                  bias_gradient(n, dy, inputs[2]);
                });
}

}  // namespace

Variable linear(const Variable& x, const Variable& weight, const Variable& bias, Precision precision) {
  require_defined(kLinear, "weight", weight);
  check(x, weight.shape(), bias);
  const LinearSize extents{x.shape().rows(), weight.shape()[0], weight.shape()[1]};
  return precision == Precision::kBf16 ? linear_bf16(extents, x, weight, bias)
                                       : linear_float32(extents, x, weight, bias);
}

Variable linear(const Variable& x, const Bfloat16Tensor& weight, const Variable& bias) {
  check(x, weight.shape(), bias);
  if (records_gradient({x, bias})) {
    fail(kLinear,
         "a weight that was rounded before has no gradients: compute under a NoGradGuard, or with "
         "the weight itself");
  }
  const LinearSize n{x.shape().rows(), weight.shape()[0], weight.shape()[1]};
  return Variable(
      forward<kernels::Bfloat16>(n, x.shape(), to_bfloat16(x.value()).data(), weight.data(), bias));
}

Bfloat16Tensor rounded_weight(const Variable& weight) {
  return to_bfloat16(weight.value());
}

}  // namespace espalier::ops
