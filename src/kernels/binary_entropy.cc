#include "kernels/binary_entropy.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/binary_entropy.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

HWY_INLINE Vector clamp(Vector c, float limit) {
  const Tag d;
  return hn::Min(hn::Max(c, hn::Set(d, limit)), hn::Set(d, 1.0F - limit));
}

void entropy_range(std::int64_t n, float limit, const float* c, float* y) {
  const auto entropy = [limit](Vector v) HWY_ATTR {
    const Tag d;
    const Vector p = clamp(v, limit);
    const Vector q = hn::Sub(hn::Set(d, 1.0F), p);
    const Vector sum = hn::Neg(hn::MulAdd(p, hn::Log(d, p), hn::Mul(q, hn::Log(d, q))));
    return hn::IfThenElse(hn::IsNaN(v), v, sum);
  };
  map(Tag(), n, false, y, entropy, c);
}

void entropy_backward_range(std::int64_t n, float limit, const float* c, const float* dy, bool accumulate,
                            float* dc) {
  const auto chain = [limit](Vector v, Vector g) HWY_ATTR {
    const Tag d;
    const Vector p = clamp(v, limit);
    const Vector slope = hn::Sub(hn::Log(d, hn::Sub(hn::Set(d, 1.0F), p)), hn::Log(d, p));
    return hn::IfThenElse(hn::IsNaN(v), v, hn::IfThenElseZero(hn::Eq(p, v), hn::Mul(g, slope)));
  };
  map(Tag(), n, accumulate, dc, chain, c, dy);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(entropy_range);
HWY_EXPORT(entropy_backward_range);

}  // namespace

void binary_entropy(std::int64_t n, float limit, const float* c, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(entropy_range)(end - begin, limit, c + begin, y + begin);
  });
}

void binary_entropy_backward(std::int64_t n, float limit, const float* c, const float* dy, Destination dc) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(entropy_backward_range)
    (end - begin, limit, c + begin, dy + begin, dc.accumulate, dc.data + begin);
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
