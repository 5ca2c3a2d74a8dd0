#include "kernels/quantized_part.h"

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"

#if defined(__x86_64__)

#include <immintrin.h>

#if !defined(__clang__)
// GCC 12 finds what its own intrinsics leave undefined on purpose.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

// NOLINTBEGIN: intrinsics
#define ESPALIER_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

namespace espalier::kernels {
namespace {

constexpr std::int64_t kStrip = QuantizedMatrix::kStripRows;

// What a tile needs besides its place: `vpdpbusd` multiplies bytes without a sign by bytes with one, so x
// comes as x + 128, and each sum begins at -128 times the sum of its weights. 32 bits never saturate.
struct Tile {
  const QuantizedPart& part;
  std::int64_t quads;
  const std::uint8_t* x;  // [rows, x_stride]
  std::int64_t x_stride;

  // The sums of a tile, [kRows, kStrips * kStrip].
  template <int kRows, int kStrips>
  ESPALIER_VNNI void sum(std::int64_t row, std::int64_t strip, std::int32_t* sums) const {
    __m512i acc[kRows][kStrips];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < kStrips; ++s) acc[r][s] = _mm512_setzero_si512();
    }
    const std::int8_t* const w = part.w->strip(strip);
    const std::int64_t w_stride = quads * 4 * kStrip;
    const std::uint8_t* const from = x + row * x_stride;
    for (std::int64_t q = 0; q < quads; ++q) {
      __m512i weights[kStrips];
#pragma GCC unroll 4
      for (int s = 0; s < kStrips; ++s) weights[s] = _mm512_loadu_si512(w + s * w_stride + q * 4 * kStrip);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        std::int32_t four;
        std::memcpy(&four, from + r * x_stride + 4 * q, sizeof four);
        const __m512i a = _mm512_set1_epi32(four);
#pragma GCC unroll 4
        for (int s = 0; s < kStrips; ++s) acc[r][s] = _mm512_dpbusd_epi32(acc[r][s], a, weights[s]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < kStrips; ++s) _mm512_storeu_si512(sums + (r * kStrips + s) * kStrip, acc[r][s]);
    }
  }

  // Scales them into C. Apart from the sums, which GCC would otherwise not keep in registers.
  ESPALIER_VNNI void scale(std::int64_t row, int rows, std::int64_t strip, int strips,
                           const std::int32_t* sums) const {
    for (int s = 0; s < strips; ++s) {
      const std::int64_t column = (strip + s) * kStrip;
      const std::int64_t count = std::min(kStrip, part.w->outputs() - column);
      const auto mask = static_cast<__mmask16>((1U << static_cast<unsigned>(count)) - 1U);
      const __m512i offset = _mm512_slli_epi32(_mm512_loadu_si512(part.w->sums() + column), 7);
      const __m512 w_scale = _mm512_loadu_ps(part.w->scales() + column);
      for (int r = 0; r < rows; ++r) {
        const __m512i sum = _mm512_sub_epi32(_mm512_loadu_si512(sums + (r * strips + s) * kStrip), offset);
        const __m512 x_scale = _mm512_set1_ps(part.x->scales[part.first_row + row + r].scale);
        __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(x_scale, w_scale));
        if (part.bias != nullptr) {
          value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, part.bias + column));
        }
        _mm512_mask_storeu_ps(part.c + (row + r) * part.stride + column, mask, value);
      }
    }
  }

  template <int kRows, int kStrips>
  ESPALIER_VNNI void run(std::int64_t row, std::int64_t strip) const {
    alignas(64) std::int32_t sums[kRows * kStrips * kStrip];
    sum<kRows, kStrips>(row, strip, sums);
    scale(row, kRows, strip, kStrips, sums);
  }

  template <int kStrips>
  ESPALIER_VNNI void all_rows(std::int64_t strip) const {
    std::int64_t i = 0;
    for (; i + 8 <= part.rows; i += 8) run<8, kStrips>(i, strip);
    if (i + 4 <= part.rows) run<4, kStrips>(i, strip), i += 4;
    if (i + 2 <= part.rows) run<2, kStrips>(i, strip), i += 2;
    if (i < part.rows) run<1, kStrips>(i, strip);
  }
};

}  // namespace

ESPALIER_VNNI void vnni_part(const QuantizedPart& part) {
  const QuantizedRows& from = *part.x;
  Scratch<std::uint8_t> x(part.rows * from.stride);
  const __m512i sign = _mm512_set1_epi8(-128);
  const std::int8_t* const bytes = from.row(part.first_row);
  for (std::int64_t at = 0; at < x.size(); at += 64) {
    _mm512_storeu_si512(x.data() + at, _mm512_xor_si512(_mm512_loadu_si512(bytes + at), sign));
  }
  const Tile tile{part, part.w->quads(), x.data(), from.stride};
  std::int64_t strip = part.first_strip;
  for (; strip + 3 <= part.end_strip; strip += 3) tile.all_rows<3>(strip);
  if (strip + 2 == part.end_strip) tile.all_rows<2>(strip);
  if (strip + 1 == part.end_strip) tile.all_rows<1>(strip);
}

}  // namespace espalier::kernels
// NOLINTEND

#else

namespace espalier::kernels {

void vnni_part(const QuantizedPart& /*part*/) {
  ESPALIER_CHECK(false);
}

}  // namespace espalier::kernels

#endif
