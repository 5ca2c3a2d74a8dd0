// The exact GELU, x Phi(x) with Phi the normal distribution function, and its slope Phi(x) + x Phi'(x), on
// one vector of any Highway tag; CappedTag<float, 1> is the scalar form. Lanes do not influence each other.
//
// Phi(-|x|) = k P(k) exp(-x^2/2) / 2 with k = 1 / (1 + 0.30 |x| / sqrt 2) and P a minimax polynomial of
// degree 8 in the form of Abramowitz and Stegun 7.1.26. The rounding error of x^2 is fed back into the
// exponential (on targets without fused multiply-add it is lost). Errors: gelu.h. NaN gives NaN, infinity
// infinity; minus infinity gives NaN, as PyTorch.
#if defined(ESPALIER_KERNELS_GELU_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_GELU_INL_H
#undef ESPALIER_KERNELS_GELU_INL_H
#else
#define ESPALIER_KERNELS_GELU_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Phi(x) in `phi`; returns exp(-x^2/2), which the slope needs too.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V normal_distribution(D d, V x, V& phi) {
  // Beyond 16 the exponential is zero in float32; the bound keeps x^2 finite.
  const V a = hn::Min(hn::Abs(x), hn::Set(d, 16.0F));
  const V one = hn::Set(d, 1.0F);
  const V half = hn::Set(d, 0.5F);
  const V square = hn::Mul(a, a);
  const V lost = hn::MulSub(a, a, square);
  V exponential = hn::Exp(d, hn::Mul(square, hn::Set(d, -0.5F)));
  exponential = hn::NegMulAdd(exponential, hn::Mul(half, lost), exponential);

  const V k = hn::Div(one, hn::MulAdd(a, hn::Set(d, 0.212132034F), one));
  V p = hn::Set(d, -0.129524973F);
  p = hn::MulAdd(p, k, hn::Set(d, 0.48557359F));
  p = hn::MulAdd(p, k, hn::Set(d, -0.512300308F));
  p = hn::MulAdd(p, k, hn::Set(d, 0.547746461F));
  p = hn::MulAdd(p, k, hn::Set(d, -0.0946697984F));
  p = hn::MulAdd(p, k, hn::Set(d, 0.214934587F));
  p = hn::MulAdd(p, k, hn::Set(d, 0.148336867F));
  p = hn::MulAdd(p, k, hn::Set(d, 0.17071557F));
  p = hn::MulAdd(p, k, hn::Set(d, 0.169187984F));
  const V tail = hn::Mul(hn::Mul(half, hn::Mul(k, p)), exponential);
  phi = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail));
  return exponential;
}

// gelu(x)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu(D d, V x) {
  V phi;
  normal_distribution(d, x, phi);
  return hn::Mul(x, phi);
}

// gelu(x), and gelu'(x) in `slope`, for the price of one exponential.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_and_slope(D d, V x, V& slope) {
  V phi;
  const V exponential = normal_distribution(d, x, phi);
  slope = hn::MulAdd(x, hn::Mul(exponential, hn::Set(d, 0.398942280F)), phi);
  return hn::Mul(x, phi);
}

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
