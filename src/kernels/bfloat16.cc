#include "kernels/bfloat16.h"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bfloat16.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/half.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Highway's own conversion to bfloat16 cuts off, in the version that Debian 12 has.
void round_span(std::int64_t n, const float* x, Bfloat16* y) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  const hn::RebindToSigned<decltype(d)> integers;
  const hn::Rebind<std::uint16_t, decltype(d)> halves;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::LoadU(d, x + i);
    const auto whole = hn::BitCast(bits, value);
    const auto upper = hn::ShiftRight<16>(whole);
    const auto even = hn::Add(hn::And(upper, hn::Set(bits, 1U)), hn::Set(bits, 0x7FFFU));
    const auto rounded = hn::ShiftRight<16>(hn::Add(whole, even));
    const auto result =
        hn::IfThenElse(hn::RebindMask(bits, hn::IsNaN(value)), hn::Or(upper, hn::Set(bits, 0x40U)), rounded);
    hn::StoreU(hn::DemoteTo(halves, hn::BitCast(integers, result)), halves, y + i);
  }
  for (; i < n; ++i) y[i] = bfloat16_from_float(x[i]);
}

void widen_span(std::int64_t n, const Bfloat16* x, float* y) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  const hn::Rebind<std::uint16_t, decltype(d)> halves;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto wide = hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(halves, x + i)));
    hn::StoreU(hn::BitCast(d, wide), d, y + i);
  }
  for (; i < n; ++i) y[i] = float_from_bfloat16(x[i]);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(round_span);
HWY_EXPORT(widen_span);

}  // namespace

void round_to_bfloat16(std::int64_t n, const float* x, Bfloat16* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    round_to_bfloat16_serial(end - begin, x + begin, y + begin);
  });
}

void round_to_bfloat16_serial(std::int64_t n, const float* x, Bfloat16* y) {
  HWY_DYNAMIC_DISPATCH(round_span)(n, x, y);
}

void round_columns_to_bfloat16(std::int64_t rows, std::int64_t groups, std::int64_t step, std::int64_t first,
                               std::int64_t width, const float* x, Bfloat16* y) {
  parallel_for(rows, row_grain(groups * width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * groups; i < end * groups; ++i)
      round_to_bfloat16_serial(width, x + i * step + first, y + i * width);
  });
}

void widen_bfloat16(std::int64_t n, const Bfloat16* x, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    widen_bfloat16_serial(end - begin, x + begin, y + begin);
  });
}

void widen_bfloat16_serial(std::int64_t n, const Bfloat16* x, float* y) {
  HWY_DYNAMIC_DISPATCH(widen_span)(n, x, y);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
