#include "kernels/quantized_matmul.h"

#include <algorithm>
#include <cstring>

#include "kernels/quantized_part.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantized_matmul.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kStrip = QuantizedMatrix::kStripRows;

// float(sum) * scale + bias for some neighbouring outputs of one row; a sum comes in `kParts` parts.
template <int kParts>
HWY_INLINE void scale_sums(const QuantizedPart& part, std::int64_t row, std::int64_t column,
                           std::int64_t count, const std::int32_t* sums) {
  const float x_scale = part.x->scales[part.first_row + row].scale;
  const float* const w_scales = part.w->scales() + column;
  float* const c = part.c + row * part.stride + column;
  for (std::int64_t j = 0; j < count; ++j) {
    const std::int32_t sum = kParts == 1 ? sums[j] : sums[2 * j] + sums[2 * j + 1];
    const float value = static_cast<float>(sum) * (x_scale * w_scales[j]);
    c[j] = part.bias == nullptr ? value : value + part.bias[column + j];
  }
}

#if HWY_TARGET == HWY_SCALAR

void pair_part(const QuantizedPart& part) {
  const std::int64_t quads = part.w->quads();
  for (std::int64_t strip = part.first_strip; strip < part.end_strip; ++strip) {
    const std::int64_t count = std::min(kStrip, part.w->outputs() - strip * kStrip);
    for (std::int64_t i = 0; i < part.rows; ++i) {
      const std::int8_t* const x = part.x->row(part.first_row + i);
      std::int32_t sums[kStrip] = {};
      for (std::int64_t at = 0; at < quads * 4 * kStrip; ++at) {
        sums[at / 4 % kStrip] += part.w->strip(strip)[at] * x[at / (4 * kStrip) * 4 + at % 4];
      }
      scale_sums<1>(part, i, strip * kStrip, count, sums);
    }
  }
}

#else

using Tag = hn::ScalableTag<std::int32_t>;
using Vector = hn::Vec<Tag>;
using PairTag = hn::Repartition<std::int16_t, Tag>;
using QuadTag = hn::Repartition<std::int64_t, Tag>;
using ByteTag = hn::Rebind<std::int8_t, PairTag>;

constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? 8 : 4;
constexpr int kVectors = 2;

// Rows of x by as many columns as two vectors of 16-bit numbers have groups of four. `vpmaddwd` adds
// neighbouring products to 32 bits, which is exact (`vpmaddubsw`, twice as fast, saturates at 16); each
// output has two sums. On Arm the upper half of a vector gets its own. x: [kRows, quads * 4] in 16 bits,
// `x_stride` apart; w: of the strip, from its first such column on.
template <int kCount>
HWY_INLINE void pair_tile(std::int64_t quads, const std::int16_t* x, std::int64_t x_stride,
                          const std::int8_t* w, std::int32_t* sums) {
  const Tag d;
  const PairTag d16;
  const QuadTag d64;
  const ByteTag d8;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector acc[kCount][kVectors], upper[kCount][kVectors];
  HWY_UNROLL(8)
  for (int r = 0; r < kCount; ++r) acc[r][0] = acc[r][1] = upper[r][0] = upper[r][1] = hn::Zero(d);
  for (std::int64_t q = 0; q < quads; ++q) {
    const auto w0 = hn::PromoteTo(d16, hn::LoadU(d8, w + q * 4 * kStrip));
    const auto w1 = hn::PromoteTo(d16, hn::LoadU(d8, w + q * 4 * kStrip + 2 * lanes));
    HWY_UNROLL(8)
    for (int r = 0; r < kCount; ++r) {
      std::int64_t four;
      std::memcpy(&four, x + r * x_stride + 4 * q, sizeof four);
      const auto a = hn::BitCast(d16, hn::Set(d64, four));
      acc[r][0] = hn::ReorderWidenMulAccumulate(d, a, w0, acc[r][0], upper[r][0]);
      acc[r][1] = hn::ReorderWidenMulAccumulate(d, a, w1, acc[r][1], upper[r][1]);
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < kCount; ++r) {
    hn::StoreU(hn::RearrangeToOddPlusEven(acc[r][0], upper[r][0]), d, sums + 2 * r * lanes);
    hn::StoreU(hn::RearrangeToOddPlusEven(acc[r][1], upper[r][1]), d, sums + (2 * r + 1) * lanes);
  }
}

void pair_part(const QuantizedPart& part) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  const std::int64_t quads = part.w->quads(), x_stride = 4 * quads;
  Scratch<std::int16_t> x(part.rows * x_stride);
  for (std::int64_t i = 0; i < part.rows; ++i) {
    std::copy_n(part.x->row(part.first_row + i), x_stride, x.data() + i * x_stride);
  }
  std::int32_t sums[2 * kRows * hn::MaxLanes(Tag())];
  for (std::int64_t strip = part.first_strip; strip < part.end_strip; ++strip) {
    for (std::int64_t inside = 0; inside < kStrip; inside += lanes) {
      const std::int64_t column = strip * kStrip + inside;
      const std::int64_t count = std::min(lanes, part.w->outputs() - column);
      const std::int8_t* const w = part.w->strip(strip) + 4 * inside;
      std::int64_t i = 0;
      for (; i + kRows <= part.rows; i += kRows) {
        pair_tile<kRows>(quads, x.data() + i * x_stride, x_stride, w, sums);
        for (int r = 0; r < kRows; ++r) scale_sums<2>(part, i + r, column, count, sums + 2 * r * lanes);
      }
      for (; i < part.rows; ++i) {
        pair_tile<1>(quads, x.data() + i * x_stride, x_stride, w, sums);
        scale_sums<2>(part, i, column, count, sums);
      }
    }
  }
}

#endif

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/amx.h"
#include "kernels/vnni.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(pair_part);

// Rows of a task: with 3072 inputs their bytes take 200 kB of the second-level cache, as 16-bit numbers 400
// kB.
constexpr std::int64_t kTaskRows = 64;
// Bytes of the weight that a task goes through for each few of its rows, from the same cache.
constexpr std::int64_t kTaskBytes = 256 * 1024;
// Enough for the threads, where the product is large enough. No influence on bits.
constexpr std::int64_t kEnoughTasks = 16;
// Strips that are computed side by side.
constexpr std::int64_t kStripsTogether = 3;

std::int64_t task_strips(std::int64_t rows, const QuantizedMatrix& w) {
  const std::int64_t panels = (rows + kTaskRows - 1) / kTaskRows;
  const std::int64_t most = kTaskBytes / (w.quads() * 4 * QuantizedMatrix::kStripRows);
  const std::int64_t strips = std::min(most, w.strips() * panels / kEnoughTasks);
  return std::max<std::int64_t>(strips / kStripsTogether, 1) * kStripsTogether;
}

}  // namespace

QuantizedMatrix::QuantizedMatrix(std::int64_t outputs, std::int64_t inputs, const float* weight,
                                 std::int64_t stride)
    : QuantizedMatrix(quantize_rows(outputs, inputs, weight, stride)) {}

QuantizedMatrix::QuantizedMatrix(std::int64_t outputs, std::int64_t inputs)
    : outputs_(outputs),
      inputs_(inputs),
      packed_(strips() * quads() * 4 * kStripRows),
      scales_(strips() * kStripRows),
      sums_(strips() * kStripRows) {
  ESPALIER_CHECK(inputs_ <= kMostByteProducts);
}

template <class Row>
void QuantizedMatrix::for_each_row(const Row& row) const {
  parallel_for(strips(), 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t j = begin * kStripRows; j < end * kStripRows; ++j) row(j);
  });
}

QuantizedMatrix::QuantizedMatrix(const QuantizedRows& rows) : QuantizedMatrix(rows.rows, rows.width) {
  first_not_finite_ = kernels::first_not_finite(rows);
  for_each_row([&](std::int64_t j) {
    const bool inside = j < outputs_;
    scales_[j] = inside ? rows.scales[j].scale : 0.0F;
    sums_[j] = inside ? rows.scales[j].sum : 0;
    std::int8_t* const to = packed_.data() + place(j);
    for (std::int64_t q = 0; q < quads(); ++q) {
      if (inside) {
        std::copy_n(rows.row(j) + 4 * q, 4, to + q * 4 * kStripRows);
      } else {
        std::fill_n(to + q * 4 * kStripRows, 4, std::int8_t{0});
      }
    }
  });
}

QuantizedMatrix QuantizedMatrix::select(std::span<const std::int32_t> rows) const {
  QuantizedMatrix result(static_cast<std::int64_t>(rows.size()), inputs_);
  result.for_each_row([&](std::int64_t j) {
    const bool inside = j < result.outputs_;
    const std::int64_t row = inside ? rows[static_cast<std::size_t>(j)] : 0;
    result.scales_[j] = inside ? scales_[row] : 0.0F;
    result.sums_[j] = inside ? sums_[row] : 0;
    const std::int8_t* const from = packed_.data() + place(row);
    std::int8_t* const to = result.packed_.data() + result.place(j);
    for (std::int64_t at = 0; at < quads() * 4 * kStripRows; at += 4 * kStripRows) {
      if (inside) {
        std::copy_n(from + at, 4, to + at);
      } else {
        std::fill_n(to + at, 4, std::int8_t{0});
      }
    }
  });
  return result;
}

void QuantizedMatrix::dequantize_row(std::int64_t row, float* x) const {
  const std::int8_t* const from = packed_.data() + place(row);
  for (std::int64_t i = 0; i < inputs_; ++i) {
    x[i] = scales_[row] * static_cast<float>(from[i / 4 * 4 * kStripRows + i % 4]);
  }
}

void quantized_matmul(const QuantizedRows& x, const QuantizedMatrix& w, const float* bias, float* c,
                      std::int64_t stride) {
  ESPALIER_CHECK(x.width == w.inputs());
  if (x.rows == 0 || w.outputs() == 0) return;
  const std::int64_t strips = task_strips(x.rows, w), columns = (w.strips() + strips - 1) / strips;
  const std::int64_t panels = (x.rows + kTaskRows - 1) / kTaskRows;
  const bool amx = use_amx(), vnni = use_vnni();
  parallel_for(panels * columns, 1, [&](std::int64_t task, std::int64_t) {
    const std::int64_t row = task / columns * kTaskRows, strip = task % columns * strips;
    const QuantizedPart part{&x,    &w,
                             row,   std::min(kTaskRows, x.rows - row),
                             strip, std::min(strip + strips, w.strips()),
                             bias,  c + row * stride,
                             stride};
    if (amx) {
      amx_part(part);
    } else if (vnni) {
      vnni_part(part);
    } else {
      HWY_DYNAMIC_DISPATCH(pair_part)(part);
    }
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
