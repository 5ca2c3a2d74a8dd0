// Loops over spans for elementwise kernels, compiled once for each SIMD target (Highway's foreach_target).
// The last, partial vector is computed with the same instructions on a padded copy, so the bits of an element
// depend neither on its place nor on the length of the span.
#if defined(ESPALIER_KERNELS_MAP_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_MAP_INL_H
#undef ESPALIER_KERNELS_MAP_INL_H
#else
#define ESPALIER_KERNELS_MAP_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Up to one vector from `count` elements; the lanes beyond are zero. From AVX2 on by a mask, which leaves
// memory behind it alone: softmax over texts of 24 tokens takes half as long again through a copy.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, std::int64_t count, const float* from) {
#if HWY_TARGET > HWY_AVX2
  HWY_ALIGN float lanes[hn::MaxLanes(d)] = {};
  for (std::int64_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, from);
#endif
}

template <class D>
HWY_INLINE void store_first(D d, std::int64_t count, hn::Vec<D> value, float* to) {
#if HWY_TARGET > HWY_AVX2
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(value, d, lanes);
  for (std::int64_t i = 0; i < count; ++i) to[i] = lanes[i];
#else
  hn::BlendedStore(value, hn::FirstN(d, static_cast<std::size_t>(count)), d, to);
#endif
}

// out[i] = f(in[i]...), or += with `accumulate`. `f` takes and gives vectors; lambdas need HWY_ATTR.
template <class D, class F, class... In>
HWY_INLINE void map(D d, std::int64_t n, bool accumulate, float* out, const F& f, const In*... in) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<D> value = f(hn::LoadU(d, in + i)...);
    if (accumulate) value = hn::Add(hn::LoadU(d, out + i), value);
    hn::StoreU(value, d, out + i);
  }
  if (i == n) return;
  hn::Vec<D> value = f(load_first(d, n - i, in + i)...);
  if (accumulate) value = hn::Add(load_first(d, n - i, out + i), value);
  store_first(d, n - i, value, out + i);
}

// The same with two results: `f` returns the first and leaves the second in its first argument.
template <class D, class F, class... In>
HWY_INLINE void map_two(D d, std::int64_t n, bool accumulate, float* out, float* out2, const F& f,
                        const In*... in) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<D> second;
    hn::Vec<D> first = f(second, hn::LoadU(d, in + i)...);
    if (accumulate) {
      first = hn::Add(hn::LoadU(d, out + i), first);
      second = hn::Add(hn::LoadU(d, out2 + i), second);
    }
    hn::StoreU(first, d, out + i);
    hn::StoreU(second, d, out2 + i);
  }
  if (i == n) return;
  hn::Vec<D> second;
  hn::Vec<D> first = f(second, load_first(d, n - i, in + i)...);
  if (accumulate) {
    first = hn::Add(load_first(d, n - i, out + i), first);
    second = hn::Add(load_first(d, n - i, out2 + i), second);
  }
  store_first(d, n - i, first, out + i);
  store_first(d, n - i, second, out2 + i);
}

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
