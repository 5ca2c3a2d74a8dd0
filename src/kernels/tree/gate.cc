#include "kernels/tree/gate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/gate.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"
#include "kernels/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

void sigmoid_range(std::int64_t n, float temperature, const float* logit, float* c) {
  const Vector t = hn::Set(Tag(), temperature);
  const auto f = [t](Vector x) HWY_ATTR { return sigmoid(Tag(), hn::Div(x, t)); };
  map(Tag(), n, false, c, f, logit);
}

void sigmoid_and_slope_range(std::int64_t n, float temperature, const float* logit, float* c, float* slope) {
  const Vector t = hn::Set(Tag(), temperature);
  const auto f = [t](Vector& s, Vector x) HWY_ATTR {
    s = gate_slope(Tag(), x, t);
    return sigmoid(Tag(), hn::Div(x, t));
  };
  map_two(Tag(), n, false, c, slope, f, logit);
}

void entropy_range(std::int64_t n, float temperature, const float* logit, float* entropy) {
  const Vector t = hn::Set(Tag(), temperature);
  const auto f = [t](Vector x) HWY_ATTR {
    const Vector a = hn::Min(hn::Set(Tag(), kEntropyBound), hn::Abs(hn::Div(x, t)));
    const Vector e = hn::Exp(Tag(), hn::Neg(a));
    const Vector smaller = hn::Div(e, hn::Add(hn::Set(Tag(), 1.0F), e));
    return hn::MulAdd(a, smaller, hn::Log1p(Tag(), e));
  };
  map(Tag(), n, false, entropy, f, logit);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(sigmoid_range);
HWY_EXPORT(sigmoid_and_slope_range);
HWY_EXPORT(entropy_range);

}  // namespace

void gate_sigmoid(std::int64_t n, float temperature, const float* logit, float* c) {
  HWY_DYNAMIC_DISPATCH(sigmoid_range)(n, temperature, logit, c);
}

void gate_sigmoid_and_slope(std::int64_t n, float temperature, const float* logit, float* c, float* slope) {
  HWY_DYNAMIC_DISPATCH(sigmoid_and_slope_range)(n, temperature, logit, c, slope);
}

void gate_entropy(std::int64_t n, float temperature, const float* logit, float* entropy) {
  HWY_DYNAMIC_DISPATCH(entropy_range)(n, temperature, logit, entropy);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
