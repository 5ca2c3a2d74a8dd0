#include "kernels/quantized_dots.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantized_dots.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

void dots(std::int64_t bytes, const std::int8_t* row, int count, const std::int8_t* const* others,
          const std::int32_t* /*sums*/, std::int32_t* out) {
  for (int i = 0; i < count; ++i) {
    out[i] = 0;
    for (std::int64_t j = 0; j < bytes; ++j) out[i] += row[j] * others[i][j];
  }
}

#else

// Neighbouring products of 16 bits are added to 32, which is exact. On Arm the upper half of a vector
// gets its own sums.
template <int kCount>
HWY_INLINE void some_dots(std::int64_t bytes, const std::int8_t* row, const std::int8_t* const* others,
                          std::int32_t* out) {
  using Tag = hn::ScalableTag<std::int32_t>;
  const Tag d;
  const hn::Repartition<std::int16_t, Tag> d16;
  const hn::Rebind<std::int8_t, decltype(d16)> d8;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d16));
  hn::Vec<Tag> sum[kCount], upper[kCount];
  HWY_UNROLL(4)
  for (int i = 0; i < kCount; ++i) sum[i] = upper[i] = hn::Zero(d);
  for (std::int64_t j = 0; j < bytes; j += step) {
    const auto a = hn::PromoteTo(d16, hn::LoadU(d8, row + j));
    HWY_UNROLL(4)
    for (int i = 0; i < kCount; ++i) {
      const auto b = hn::PromoteTo(d16, hn::LoadU(d8, others[i] + j));
      sum[i] = hn::ReorderWidenMulAccumulate(d, a, b, sum[i], upper[i]);
    }
  }
  HWY_UNROLL(4)
  for (int i = 0; i < kCount; ++i) {
    out[i] = hn::GetLane(hn::SumOfLanes(d, hn::RearrangeToOddPlusEven(sum[i], upper[i])));
  }
}

void dots(std::int64_t bytes, const std::int8_t* row, int count, const std::int8_t* const* others,
          const std::int32_t* /*sums*/, std::int32_t* out) {
  if (count == 4) return some_dots<4>(bytes, row, others, out);
  for (int i = 0; i < count; ++i) some_dots<1>(bytes, row, others + i, out + i);
}

#endif

QuantizedDots dots_of_target() {
  return dots;
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "kernels/vnni.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(dots_of_target);

}  // namespace

QuantizedDots quantized_dots() {
  return use_vnni() ? vnni_dots : HWY_DYNAMIC_DISPATCH(dots_of_target)();
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
