#include "espalier/ops/dropout.h"

#include <fmt/format.h>

#include "espalier/base/philox.h"
#include "kernels/dropout.h"
#include "ops/check.h"

namespace espalier::ops {

Variable dropout(const Variable& x, float p, const DropoutKey& key) {
  constexpr const char* kName = "dropout";
  require_defined(kName, "x", x);
  if (!(p >= 0.0F && p < 1.0F)) fail(kName, fmt::format("p must lie in [0, 1), got {}", p));
  const std::int64_t n = x.value().size();
  if (n > (std::int64_t{1} << 32)) {
    fail(kName, fmt::format("x must have at most 2^32 elements, got {}", x.shape().str()));
  }
  require_site(kName, key.site);
  if (p == 0.0F) return x;
  const Philox random(key.seed, RandomStream::kDropout, key.step);
  const std::uint64_t first = key.site << 32;
  Tensor y = Tensor::empty(x.shape());
  kernels::dropout(n, p, random, first, x.value().data(), y.data());
  return record(kName, y, {x.without_value()},
                [n, p, random, first](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();
                  kernels::dropout(n, p, random, first, dy.data(), dx);
                });
}

}  // namespace espalier::ops
