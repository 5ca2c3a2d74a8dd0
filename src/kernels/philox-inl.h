// Philox4x32-10 (base/philox.h) for as many consecutive counters at once as a vector has lanes, with the same
// words. Not for HWY_SCALAR, whose vectors have no odd lanes.
#if defined(ESPALIER_KERNELS_PHILOX_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_PHILOX_INL_H
#undef ESPALIER_KERNELS_PHILOX_INL_H
#else
#define ESPALIER_KERNELS_PHILOX_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "espalier/base/philox.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

using WordTag = hn::ScalableTag<std::uint32_t>;
using WordVector = hn::Vec<WordTag>;

// The 64-bit products of all lanes with those of `factor`, as high and low words.
HWY_INLINE void multiply_words(WordVector a, WordVector factor, WordVector& high, WordVector& low) {
  const WordTag d;
  const hn::RepartitionToWide<WordTag> wide;
  const auto even = hn::MulEven(a, factor);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), factor);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
}

// The four words of the counters that start with `counter`, one a lane. The low 32 bits of the counter must
// not wrap within the vector.
HWY_INLINE void philox_words(const PhiloxCounter& start, WordVector& c0, WordVector& c1, WordVector& c2,
                             WordVector& c3) {
  const WordTag d;
  c0 = hn::Iota(d, start.counter[0]);
  c1 = hn::Set(d, start.counter[1]);
  c2 = hn::Set(d, start.counter[2]);
  c3 = hn::Set(d, start.counter[3]);
  std::uint32_t k0 = start.key[0];
  std::uint32_t k1 = start.key[1];
  for (int round = 0; round < PhiloxCounter::kRounds; ++round) {
    WordVector high0, low0, high1, low1;
    multiply_words(c0, hn::Set(d, PhiloxCounter::kFactor0), high0, low0);
    multiply_words(c2, hn::Set(d, PhiloxCounter::kFactor1), high1, low1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
    c1 = low1;
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
    c3 = low0;
    k0 += PhiloxCounter::kWeyl0;
    k1 += PhiloxCounter::kWeyl1;
  }
}

#endif

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
