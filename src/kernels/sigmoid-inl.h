// The logistic function and its slope on one vector of any Highway tag, for use inside kernels.
#if defined(ESPALIER_KERNELS_SIGMOID_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_SIGMOID_INL_H
#undef ESPALIER_KERNELS_SIGMOID_INL_H
#else
#define ESPALIER_KERNELS_SIGMOID_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 1 / (1 + e^-x), accurate relative to its value on both sides of zero; NaN gives NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  const V e = hn::Exp(d, hn::Neg(hn::Abs(x)));
  const V result = hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

// d sigmoid(logit / t) / d logit, accurate in both tails.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gate_slope(D d, V logit, V t) {
  const V e = hn::Exp(d, hn::Neg(hn::Abs(hn::Div(logit, t))));
  const V sum = hn::Add(hn::Set(d, 1.0F), e);
  return hn::Div(e, hn::Mul(hn::Mul(sum, sum), t));
}

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
