#include "kernels/dropout.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/philox-inl.h"
#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

// y[i] = x[i] * scales[i], or +=; a scale of 0 gives 0 whatever x is.
void apply_scales(std::int64_t n, const float* scales, const float* x, bool accumulate, float* y) {
  for_each_vector(n, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector scale = access.load(scales + i);
    const auto keep = hn::Ne(scale, hn::Zero(RowTag()));
    RowVector value = hn::IfThenElseZero(keep, hn::Mul(access.load(x + i), scale));
    if (accumulate) value = hn::Add(access.load(y + i), value);
    access.store(value, y + i);
  });
}

// `kept` where the word's upper 24 bits, as a fraction, are at least p, else 0.
HWY_INLINE RowVector scale_of(WordVector word, float p, float kept) {
  const hn::RebindToSigned<WordTag> integers;
  const RowTag d;
  const RowVector uniform =
      hn::Mul(hn::ConvertTo(d, hn::BitCast(integers, hn::ShiftRight<8>(word))), hn::Set(d, 0x1p-24F));
  return hn::IfThenElseZero(hn::Ge(uniform, hn::Set(d, p)), hn::Set(d, kept));
}

// Draws as many numbers as fit whole vectors of counters; returns how many elements it did.
std::int64_t dropout_vectors(std::int64_t n, float p, const Philox& random, std::uint64_t counter,
                             const float* x, bool accumulate, float* y) {
  const RowTag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(WordTag()));
  HWY_ALIGN float scales[4 * hn::MaxLanes(RowTag())];
  const float kept = 1.0F / (1.0F - p);
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const PhiloxCounter start = random.counter(counter + static_cast<std::uint64_t>(i / 4));
    if (start.counter[0] > 0xFFFFFFFFU - static_cast<std::uint32_t>(lanes)) return i;
    WordVector w0, w1, w2, w3;
    philox_words(start, w0, w1, w2, w3);
    hn::StoreInterleaved4(scale_of(w0, p, kept), scale_of(w1, p, kept), scale_of(w2, p, kept),
                          scale_of(w3, p, kept), d, scales);
    apply_scales(4 * lanes, scales, x + i, accumulate, y + i);
  }
  return i;
}

#else

std::int64_t dropout_vectors(std::int64_t /*n*/, float /*p*/, const Philox& /*random*/,
                             std::uint64_t /*counter*/, const float* /*x*/, bool /*accumulate*/,
                             float* /*y*/) {
  return 0;
}

#endif

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(dropout_vectors);

// The plain form, for what is left over. One call gives the words of four consecutive indices, as
// Philox::uniform uses them.
void dropout_rest(std::int64_t n, float p, const Philox& random, std::uint64_t counter, const float* x,
                  bool accumulate, float* y) {
  const float kept = 1.0F / (1.0F - p);
  for (std::int64_t i = 0; i < n; i += 4) {
    const std::array<std::uint32_t, 4> words = random.words(counter + static_cast<std::uint64_t>(i / 4));
    const std::int64_t count = std::min<std::int64_t>(4, n - i);
    for (std::int64_t j = 0; j < count; ++j) {
      const float u = static_cast<float>(words[static_cast<std::size_t>(j)] >> 8) * 0x1p-24F;
      const float value = u >= p ? x[i + j] * kept : 0.0F;
      y[i + j] = accumulate ? y[i + j] + value : value;
    }
  }
}

}  // namespace

void dropout(std::int64_t n, float p, const Philox& random, std::uint64_t first, const float* x,
             Destination y) {
  ESPALIER_CHECK(p >= 0.0F && p < 1.0F && first % 4 == 0);
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    const std::uint64_t counter = (first + static_cast<std::uint64_t>(begin)) / 4;
    const std::int64_t done = HWY_DYNAMIC_DISPATCH(dropout_vectors)(end - begin, p, random, counter,
                                                                    x + begin, y.accumulate, y.data + begin);
    const std::int64_t rest = begin + done;
    dropout_rest(end - rest, p, random, counter + static_cast<std::uint64_t>(done / 4), x + rest,
                 y.accumulate, y.data + rest);
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
