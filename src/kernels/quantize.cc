#include "kernels/quantize.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;
using IntTag = hn::RebindToSigned<Tag>;
using IntVector = hn::Vec<IntTag>;
using ByteTag = hn::Rebind<std::int8_t, Tag>;

// The bits of the largest magnitude. As integers these are in the order of the numbers, and infinity and NaN
// come after all others.
std::int32_t largest(std::int64_t width, const float* x) {
  const Tag d;
  const IntTag di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  IntVector most = hn::Zero(di);
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    most = hn::Max(most, hn::BitCast(di, hn::Abs(hn::LoadU(d, x + i))));
  }
  if (i < width) most = hn::Max(most, hn::BitCast(di, hn::Abs(load_first(d, width - i, x + i))));
  return hn::GetLane(hn::MaxOfLanes(di, most));
}

float float_of(std::int32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

QuantizedScale quantize_row(std::int64_t width, const float* x, std::int8_t* bytes) {
  constexpr std::int32_t kInfinity = 0x7F800000, kNan = 0x7FC00000;
  constexpr std::int32_t kLeast = 0x0D800000;  // 2^-100
  const std::int32_t bits = largest(width, x);
  if (bits >= kInfinity || bits < kLeast) {
    std::fill_n(bytes, width, std::int8_t{0});
    return {bits < kLeast ? 0.0F : float_of(kNan), 0};
  }
  const Tag d;
  const IntTag di;
  const ByteTag db;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const Vector inverse = hn::Set(d, 127.0F / float_of(bits));
  IntVector sum = hn::Zero(di);
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    const IntVector q = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse));
    sum = hn::Add(sum, q);
    hn::StoreU(hn::DemoteTo(db, q), db, bytes + i);
  }
  if (i < width) {
    const IntVector q = hn::NearestInt(hn::Mul(load_first(d, width - i, x + i), inverse));
    sum = hn::Add(sum, q);
    HWY_ALIGN std::int8_t last[hn::MaxLanes(d)];
    hn::StoreU(hn::DemoteTo(db, q), db, last);
    std::copy_n(last, width - i, bytes + i);
  }
  return {float_of(bits) / 127.0F, hn::GetLane(hn::SumOfLanes(di, sum))};
}

void quantize_all(std::int64_t count, std::int64_t width, const float* x, std::int64_t x_stride,
                  std::int8_t* bytes, std::int64_t stride, QuantizedScale* scales) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::int8_t* const row = bytes + i * stride;
    scales[i] = quantize_row(width, x + i * x_stride, row);
    std::fill_n(row + width, stride - width, std::int8_t{0});
  }
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <cmath>
#include <numeric>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(quantize_all);

}  // namespace

void quantize_rows_serial(std::int64_t begin, std::int64_t end, const float* x, std::int64_t x_stride,
                          QuantizedRows& to) {
  HWY_DYNAMIC_DISPATCH(quantize_all)
  (end - begin, to.width, x + begin * x_stride, x_stride, to.bytes.get() + begin * to.stride, to.stride,
   to.scales.data() + begin);
}

QuantizedRows quantize_rows(std::int64_t rows, std::int64_t width, const float* x, std::int64_t x_stride) {
  QuantizedRows result(rows, width);
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    quantize_rows_serial(begin, end, x, x_stride, result);
  });
  return result;
}

QuantizedRows quantized_rows(std::int64_t rows, std::int64_t width, std::shared_ptr<std::int8_t> bytes,
                             const float* scales) {
  const bool as_they_lie = width % 64 == 0;
  QuantizedRows result(rows, width, as_they_lie ? bytes : nullptr);
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int8_t* const from = bytes.get() + i * width;
      if (!as_they_lie) {
        std::int8_t* const to = result.bytes.get() + i * result.stride;
        std::copy_n(from, width, to);
        std::fill(to + width, to + result.stride, std::int8_t{0});
      }
      result.scales[i] = {scales[i], std::accumulate(from, from + width, std::int32_t{0})};
    }
  });
  return result;
}

void dequantize_rows(std::int64_t rows, std::int64_t width, const std::int8_t* bytes, const float* scales,
                     float* x) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = i * width; j < (i + 1) * width; ++j) {
        x[j] = scales[i] * static_cast<float>(bytes[j]);
      }
    }
  });
}

std::int64_t first_not_finite(const QuantizedRows& rows) {
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    if (std::isnan(rows.scales[i].scale)) return i;
  }
  return -1;
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
