#include "espalier/ops/binary_entropy.h"

#include <fmt/format.h>

#include "kernels/binary_entropy.h"
#include "ops/check.h"

namespace espalier::ops {

Variable binary_entropy(const Variable& p, float limit) {
  require_defined("binary_entropy", "p", p);
  if (!(limit >= 1e-7F && limit < 0.5F)) {
    fail("binary_entropy", fmt::format("limit must lie in [1e-7, 0.5), got {}", limit));
  }
  const std::int64_t n = p.value().size();
  Tensor y = Tensor::empty(p.shape());
  kernels::binary_entropy(n, limit, p.value().data(), y.data());
  return record("binary_entropy", y, {p}, [n, limit](const Tensor& dy, std::span<Variable> in) {
    const Destination dp = in[0].grad_slot();
    kernels::binary_entropy_backward(n, limit, in[0].value().data(), dy.data(), dp);
  });
}

}  // namespace espalier::ops
