#include "kernels/vnni.h"

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"
#include "kernels/isa.h"

namespace espalier::kernels {

static bool vnni_allowed = true;

bool use_vnni() {
  return vnni_allowed && has_vnni();
}

void allow_vnni(bool allowed) {
  vnni_allowed = allowed;
}

}  // namespace espalier::kernels

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

// The sum of both halves.
ESPALIER_VNNI static inline __m256i halves(__m512i v) {
  return _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
}

// [sum of a, of b, of c, of d]
ESPALIER_VNNI static inline __m128i sums_of_four(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m256i ab = _mm256_hadd_epi32(halves(a), halves(b)), cd = _mm256_hadd_epi32(halves(c), halves(d));
  const __m256i all = _mm256_hadd_epi32(ab, cd);
  return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

// 64 bytes as bytes without a sign, 128 more.
ESPALIER_VNNI static inline __m512i lifted(const std::int8_t* bytes) {
  return _mm512_xor_si512(_mm512_loadu_si512(bytes), _mm512_set1_epi8(-128));
}

ESPALIER_VNNI void vnni_dots(std::int64_t bytes, const std::int8_t* row, int count,
                             const std::int8_t* const* others, const std::int32_t* sums, std::int32_t* out) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  if (count == 4) {
    for (std::int64_t j = 0; j < bytes; j += 64) {
      const __m512i weights = lifted(row + j);
      a = _mm512_dpbusd_epi32(a, weights, _mm512_loadu_si512(others[0] + j));
      b = _mm512_dpbusd_epi32(b, weights, _mm512_loadu_si512(others[1] + j));
      c = _mm512_dpbusd_epi32(c, weights, _mm512_loadu_si512(others[2] + j));
      d = _mm512_dpbusd_epi32(d, weights, _mm512_loadu_si512(others[3] + j));
    }
    const __m128i offsets = _mm_slli_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sums)), 7);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_sub_epi32(sums_of_four(a, b, c, d), offsets));
    return;
  }
  for (int i = 0; i < count; ++i) {
    a = b = _mm512_setzero_si512();
    std::int64_t j = 0;
    for (; j + 128 <= bytes; j += 128) {
      a = _mm512_dpbusd_epi32(a, lifted(row + j), _mm512_loadu_si512(others[i] + j));
      b = _mm512_dpbusd_epi32(b, lifted(row + j + 64), _mm512_loadu_si512(others[i] + j + 64));
    }
    if (j < bytes) a = _mm512_dpbusd_epi32(a, lifted(row + j), _mm512_loadu_si512(others[i] + j));
    out[i] = _mm512_reduce_add_epi32(_mm512_add_epi32(a, b)) - 128 * sums[i];
  }
}

}  // namespace espalier::kernels
// NOLINTEND

#else

namespace espalier::kernels {

void vnni_part(const QuantizedPart& /*part*/) {
  ESPALIER_CHECK(use_vnni());
}

void vnni_dots(std::int64_t /*bytes*/, const std::int8_t* /*row*/, int /*count*/,
               const std::int8_t* const* /*others*/, const std::int32_t* /*sums*/, std::int32_t* /*out*/) {
  ESPALIER_CHECK(use_vnni());
}

}  // namespace espalier::kernels

#endif
