// Building blocks for kernels that work on one row at a time: a loop over vectors with a partial last one,
// and sums and maxima over a row. Compiled once for each SIMD target (Highway's foreach_target).
//
// The order of a sum depends on the row's length and on the target's vector width alone.
#if defined(ESPALIER_KERNELS_ROW_LOOPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_ROW_LOOPS_INL_H
#undef ESPALIER_KERNELS_ROW_LOOPS_INL_H
#else
#define ESPALIER_KERNELS_ROW_LOOPS_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cstdint>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

using RowTag = hn::ScalableTag<float>;
using RowVector = hn::Vec<RowTag>;

// Access to a full vector.
struct WholeVector {
  HWY_INLINE RowVector load(const float* from) const { return hn::LoadU(RowTag(), from); }
  HWY_INLINE void store(RowVector value, float* to) const { hn::StoreU(value, RowTag(), to); }
  // `value` in the lanes that exist, zero beyond.
  HWY_INLINE RowVector only(RowVector value) const { return value; }
  HWY_INLINE RowVector only_or(RowVector value, RowVector /*beyond*/) const { return value; }
};

// Access to the last `count` elements of a row; the lanes beyond read as zero and are not written.
struct PartOfVector {
  std::int64_t count;
  HWY_INLINE RowVector load(const float* from) const { return load_first(RowTag(), count, from); }
  HWY_INLINE void store(RowVector value, float* to) const { store_first(RowTag(), count, value, to); }
  HWY_INLINE RowVector only(RowVector value) const { return hn::IfThenElseZero(mask(), value); }
  HWY_INLINE RowVector only_or(RowVector value, RowVector beyond) const {
    return hn::IfThenElse(mask(), value, beyond);
  }
  HWY_INLINE hn::Mask<RowTag> mask() const { return hn::FirstN(RowTag(), static_cast<std::size_t>(count)); }
};

// Calls step(i, access) for i = 0, lanes, 2 lanes ... below n. Lambdas need HWY_ATTR.
template <class Step>
HWY_INLINE void for_each_vector(std::int64_t n, const Step& step) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(RowTag()));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) step(i, WholeVector());
  if (i < n) step(i, PartOfVector{n - i});
}

HWY_INLINE float sum_of_lanes(RowVector v) {
  return hn::GetLane(hn::SumOfLanes(RowTag(), v));
}

HWY_INLINE float max_of_lanes(RowVector v) {
  return hn::GetLane(hn::MaxOfLanes(RowTag(), v));
}

// Sum over i of term(i, access); two accumulators hide the latency of the addition.
template <class Term>
HWY_INLINE float sum_over(std::int64_t n, const Term& term) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(RowTag()));
  RowVector even = hn::Zero(RowTag());
  RowVector odd = hn::Zero(RowTag());
  std::int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    even = hn::Add(even, term(i, WholeVector()));
    odd = hn::Add(odd, term(i + lanes, WholeVector()));
  }
  for_each_vector(n - i, [&](std::int64_t j, auto access)
                             HWY_ATTR { even = hn::Add(even, access.only(term(i + j, access))); });
  return sum_of_lanes(hn::Add(even, odd));
}

// Two sums at once: terms(i, access, second) returns the first term and leaves the second in its argument.
template <class Terms>
HWY_INLINE float sum_over_two(std::int64_t n, const Terms& terms, float& second_sum) {
  RowVector first = hn::Zero(RowTag());
  RowVector second = hn::Zero(RowTag());
  for_each_vector(n, [&](std::int64_t i, auto access) HWY_ATTR {
    RowVector other;
    first = hn::Add(first, access.only(terms(i, access, other)));
    second = hn::Add(second, access.only(other));
  });
  second_sum = sum_of_lanes(second);
  return sum_of_lanes(first);
}

// The largest x[i], n >= 1. NaN may be passed over; the exponentials bring it back.
HWY_INLINE float max_over(std::int64_t n, const float* x) {
  RowVector largest = hn::Set(RowTag(), x[0]);
  for_each_vector(n, [&](std::int64_t i, auto access) HWY_ATTR {
    largest = hn::Max(largest, access.only_or(access.load(x + i), largest));
  });
  return max_of_lanes(largest);
}

// exp(x) that stays NaN where x is: Highway's gives 0 there, which would hide a broken model.
HWY_INLINE RowVector exp_or_nan(RowVector x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(RowTag(), x));
}

// x[i] = exp(x[i] - shift) for a shift no smaller than any x[i]; returns their sum.
HWY_INLINE float exponentiate(std::int64_t n, float shift, float* x) {
  const RowVector shifts = hn::Set(RowTag(), shift);
  return sum_over(n, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector value = exp_or_nan(hn::Sub(access.load(x + i), shifts));
    access.store(value, x + i);
    return value;
  });
}

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
