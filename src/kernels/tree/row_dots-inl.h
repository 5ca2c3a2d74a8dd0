// Inner products of rows with vectors, several at a time, compiled once for each SIMD target.
//
// Every product is summed in one order, so that its bits depend on its two vectors alone and not on the
// kernel or on its neighbours: one sum over the even vectors and one over the odd ones (enough to hide the
// latency of multiply-adds when four products run side by side); a last whole vector without partner counts
// as even, a last partial one as odd; then the two sums are added and their lanes, in the order of
// `four_lanes` and `sum_of_one`.
#if defined(ESPALIER_KERNELS_TREE_ROW_DOTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_TREE_ROW_DOTS_INL_H
#undef ESPALIER_KERNELS_TREE_ROW_DOTS_INL_H
#else
#define ESPALIER_KERNELS_TREE_ROW_DOTS_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdint>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

template <class D>
HWY_INLINE float sum_of_one(D, hn::Vec<D> v) {
  return hn::GetLane(v);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE void store_sums_of_four(D, V a, V b, V c, V e, float* out) {
  out[0] = hn::GetLane(a);
  out[1] = hn::GetLane(b);
  out[2] = hn::GetLane(c);
  out[3] = hn::GetLane(e);
}

#else

// Adds the halves of a vector until four lanes are left.
template <class D>
HWY_INLINE hn::Vec<hn::CappedTag<float, 4>> four_lanes(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    (void)d;
    return v;
  } else {
    const hn::Half<D> half;
    return four_lanes(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sum of a vector's lanes: (l0 + l2) + (l1 + l3) of its four lanes.
template <class D>
HWY_INLINE float sum_of_one(D d, hn::Vec<D> v) {
  const auto v4 = four_lanes(d, v);
  const auto pairs = hn::Add(v4, hn::Shuffle1032(v4));
  return hn::GetLane(hn::Add(pairs, hn::Shuffle2301(pairs)));
}

// The same of four vectors at once.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void store_sums_of_four(D d, V a, V b, V c, V e, float* out) {
  const hn::CappedTag<float, 4> four;
  const auto a4 = four_lanes(d, a), b4 = four_lanes(d, b), c4 = four_lanes(d, c), e4 = four_lanes(d, e);
  const auto ab = hn::Add(hn::InterleaveLower(four, a4, b4), hn::InterleaveUpper(four, a4, b4));
  const auto ce = hn::Add(hn::InterleaveLower(four, c4, e4), hn::InterleaveUpper(four, c4, e4));
  hn::StoreU(hn::Add(hn::ConcatLowerLower(four, ce, ab), hn::ConcatUpperUpper(four, ce, ab)), four, out);
}

#endif

HWY_INLINE void prefetch(const float* at) {
  __builtin_prefetch(at, 0, 2);
}

// out[i] = <shared, rows[i]>, i < kRows <= 4. Meanwhile brings kPrefetch other rows into the second-level
// cache.
template <int kRows, int kPrefetch = 0>
HWY_INLINE void dots(std::int64_t width, const float* shared, const float* const* rows, float* out,
                     const float* const* prefetched = nullptr) {
  using Tag = hn::ScalableTag<float>;
  using Vector = hn::Vec<Tag>;
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector even[kRows], odd[kRows];
  HWY_UNROLL(4)
  for (int r = 0; r < kRows; ++r) even[r] = odd[r] = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= width; i += 2 * lanes) {
    const Vector s0 = hn::LoadU(d, shared + i);
    const Vector s1 = hn::LoadU(d, shared + i + lanes);
    HWY_UNROLL(4)
    for (int r = 0; r < kRows; ++r) {
      even[r] = hn::MulAdd(s0, hn::LoadU(d, rows[r] + i), even[r]);
      odd[r] = hn::MulAdd(s1, hn::LoadU(d, rows[r] + i + lanes), odd[r]);
    }
    HWY_UNROLL(3)
    for (int f = 0; f < kPrefetch; ++f) {
      prefetch(prefetched[f] + i);
      if constexpr (hn::MaxLanes(Tag()) >= 16) prefetch(prefetched[f] + i + lanes);
    }
  }
  if (i + lanes <= width) {
    const Vector s0 = hn::LoadU(d, shared + i);
    HWY_UNROLL(4)
    for (int r = 0; r < kRows; ++r) even[r] = hn::MulAdd(s0, hn::LoadU(d, rows[r] + i), even[r]);
    i += lanes;
  }
  if (i < width) {
    const Vector s1 = load_first(d, width - i, shared + i);
    HWY_UNROLL(4)
    for (int r = 0; r < kRows; ++r) {
      odd[r] = hn::MulAdd(s1, load_first(d, width - i, rows[r] + i), odd[r]);
    }
  }
  if constexpr (kRows == 4) {
    store_sums_of_four(d, hn::Add(even[0], odd[0]), hn::Add(even[1], odd[1]), hn::Add(even[2], odd[2]),
                       hn::Add(even[3], odd[3]), out);
  } else {
    HWY_UNROLL(4)
    for (int r = 0; r < kRows; ++r) out[r] = sum_of_one(d, hn::Add(even[r], odd[r]));
  }
}

// The same for a number known at run time, 0 to 4; the rest of `out` becomes zero.
template <int kPrefetch = 0>
HWY_INLINE void dots_of(int count, std::int64_t width, const float* shared, const float* const* rows,
                        float (&out)[4], const float* const* prefetched = nullptr) {
  if (count == 4) return dots<4, kPrefetch>(width, shared, rows, out, prefetched);
  out[0] = out[1] = out[2] = out[3] = 0;
  if (count == 3) dots<3, kPrefetch>(width, shared, rows, out, prefetched);
  if (count == 2) dots<2, kPrefetch>(width, shared, rows, out, prefetched);
  if (count == 1) dots<1, kPrefetch>(width, shared, rows, out, prefetched);
}

// The vector, loaded once. With nearly all registers in use GCC would rather read it from memory again for
// each product, with AVX-512 15 loads for 12 products instead of 7: the walks of straight-through took 8 %
// longer.
template <class V>
HWY_INLINE V in_register(V vector) {
#if HWY_TARGET <= HWY_AVX3 && HWY_COMPILER_GCC_ACTUAL
  asm("" : "+v"(vector.raw));
#elif HWY_TARGET == HWY_AVX2 && HWY_COMPILER_GCC_ACTUAL
  asm("" : "+x"(vector.raw));
#endif
  return vector;
}

// Adds the products of a vector of four tokens with one of kRows rows to `sums`.
template <int kRows, int kPrefetch, class V>
HWY_INLINE void add_products(std::int64_t at, const float* const* tokens, const float* const* rows,
                             const float* const* prefetched, V (&sums)[kRows][4]) {
  const hn::ScalableTag<float> d;
  V w[kRows];
  HWY_UNROLL(3)
  for (int r = 0; r < kRows; ++r) w[r] = in_register(hn::LoadU(d, rows[r] + at));
  HWY_UNROLL(4)
  for (int t = 0; t < 4; ++t) {
    const V x = in_register(hn::LoadU(d, tokens[t] + at));
    HWY_UNROLL(3)
    for (int r = 0; r < kRows; ++r) sums[r][t] = hn::MulAdd(x, w[r], sums[r][t]);
  }
  HWY_UNROLL(2)
  for (int f = 0; f < kPrefetch; ++f) prefetch(prefetched[f] + at);
}

// Vectors of a row whose products a tile adds up before it turns from the sums over even vectors to those
// over odd ones, on targets with 16 registers, which hold half of the 24 sums.
constexpr std::int64_t kTurn = 16;

// out[r][t] = <tokens[t], rows[r]> for four tokens and up to three rows, such as a node's and its children's.
// Meanwhile brings kPrefetch other rows into the second-level cache.
template <int kRows, int kPrefetch>
HWY_INLINE void tile_dots(std::int64_t width, const float* const* tokens, const float* const* rows,
                          const float* const* prefetched, float (&out)[kRows][4]) {
  using Tag = hn::ScalableTag<float>;
  using Vector = hn::Vec<Tag>;
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector sums[2][kRows][4];
  HWY_UNROLL(3)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (int t = 0; t < 4; ++t) sums[0][r][t] = sums[1][r][t] = hn::Zero(d);
  }
  const std::int64_t pairs_end = width / (2 * lanes) * (2 * lanes);
  std::int64_t i = 0;
  if constexpr (HWY_TARGET <= HWY_AVX3) {
    for (; i < pairs_end; i += 2 * lanes) {
      add_products<kRows, kPrefetch>(i, tokens, rows, prefetched, sums[0]);
      add_products<kRows, kPrefetch>(i + lanes, tokens, rows, prefetched, sums[1]);
    }
  } else {
    while (i < pairs_end) {
      const std::int64_t end = HWY_MIN(i + kTurn * lanes, pairs_end);
      for (std::int64_t at = i; at < end; at += 2 * lanes) {
        add_products<kRows, kPrefetch>(at, tokens, rows, prefetched, sums[0]);
      }
      for (std::int64_t at = i + lanes; at < end; at += 2 * lanes) {
        add_products<kRows, 0>(at, tokens, rows, prefetched, sums[1]);
      }
      i = end;
    }
  }
  if (i + lanes <= width) {
    HWY_UNROLL(4)
    for (int t = 0; t < 4; ++t) {
      const Vector x = hn::LoadU(d, tokens[t] + i);
      HWY_UNROLL(3)
      for (int r = 0; r < kRows; ++r) sums[0][r][t] = hn::MulAdd(x, hn::LoadU(d, rows[r] + i), sums[0][r][t]);
    }
    i += lanes;
  }
  if (i < width) {
    HWY_UNROLL(4)
    for (int t = 0; t < 4; ++t) {
      const Vector x = load_first(d, width - i, tokens[t] + i);
      HWY_UNROLL(3)
      for (int r = 0; r < kRows; ++r) {
        sums[1][r][t] = hn::MulAdd(x, load_first(d, width - i, rows[r] + i), sums[1][r][t]);
      }
    }
  }
  HWY_UNROLL(3)
  for (int r = 0; r < kRows; ++r) {
    store_sums_of_four(d, hn::Add(sums[0][r][0], sums[1][r][0]), hn::Add(sums[0][r][1], sums[1][r][1]),
                       hn::Add(sums[0][r][2], sums[1][r][2]), hn::Add(sums[0][r][3], sums[1][r][3]), out[r]);
  }
}

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
