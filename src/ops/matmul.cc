#include "espalier/ops/matmul.h"

#include "kernels/matmul.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

constexpr const char* kMatmul = "matmul";

void check(const Variable& a, const Variable& b, bool transpose_b) {
  require_defined(kMatmul, "a", a);
  require_defined(kMatmul, "b", b);
  require_rank(kMatmul, "a", a.shape(), 2);
  require_rank(kMatmul, "b", b.shape(), 2);
  const std::int64_t k = a.shape()[1];
  const Shape expected = transpose_b ? Shape{b.shape()[0], k} : Shape{k, b.shape()[1]};
  require_shape(kMatmul, transpose_b ? "transposed b" : "b", b.shape(), expected, "last axis of a",
                a.shape());
}

}  // namespace

Variable matmul(const Variable& a, const Variable& b, const MatmulOptions& options) {
  const bool transposed = options.transpose_b;
  check(a, b, transposed);
  const std::int64_t m = a.shape()[0];
  const std::int64_t k = a.shape()[1];
  const std::int64_t n = b.shape()[transposed ? 0 : 1];
  const std::int64_t stride = b.shape()[1];
  Tensor c = Tensor::empty({m, n});
  kernels::matmul(m, n, k, {a.value().data(), k}, {b.value().data(), stride, transposed}, c.data(), n);
  const Tensor kept_a = b.requires_grad() ? a.value() : Tensor();
  const Tensor kept_b = a.requires_grad() ? b.value() : Tensor();
  return record(kMatmul, c, {a.without_value(), b.without_value()},
                [=](const Tensor& dc, std::span<Variable> in) {
                  if (in[0].requires_grad()) {
                    const Destination da = in[0].grad_slot();  // [m, k] = dc [m, n] b^T
                    kernels::matmul(m, k, n, {dc.data(), n}, {kept_b.data(), stride, !transposed}, da, k);
                  }
                  if (!in[1].requires_grad()) return;
                  const Destination db = in[1].grad_slot();
                  if (transposed) {  // [n, k] = dc^T a
                    kernels::matmul_over_rows(n, k, m, dc.data(), n, kept_a.data(), k, db, k);
                  } else {  // [k, n] = a^T dc
                    kernels::matmul_over_rows(k, n, m, kept_a.data(), k, dc.data(), n, db, n);
                  }
                });
}

}  // namespace espalier::ops
