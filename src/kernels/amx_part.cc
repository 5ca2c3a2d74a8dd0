// Products of bytes.
#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"
#include "kernels/amx.h"
#include "kernels/amx_tiles.h"
#include "kernels/scratch.h"

#if defined(__x86_64__)

// NOLINTBEGIN: intrinsics
namespace espalier::kernels {
namespace {

using namespace amx;

constexpr std::int64_t kStrip = QuantizedMatrix::kStripRows;
static_assert(kStrip == kSide && QuantizedMatrix::kQuadMultiple == kSide);

// Scales 16 x 16 sums into C.
ESPALIER_AMX void scale_sums(const QuantizedPart& part, std::int64_t row, std::int64_t strip,
                             const std::int32_t* sums) {
  const std::int64_t column = strip * kStrip, width = std::min(kStrip, part.w->outputs() - column);
  const auto mask = static_cast<__mmask16>((1U << static_cast<unsigned>(width)) - 1);
  const __m512 w_scale = _mm512_loadu_ps(part.w->scales() + column);
  const __m512 bias =
      part.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, part.bias + column);
  for (std::int64_t i = 0; i < std::min(kSide, part.rows - row); ++i) {
    const __m512 x_scale = _mm512_set1_ps(part.x->scales[part.first_row + row + i].scale);
    __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums + i * kSide)),
                                 _mm512_mul_ps(x_scale, w_scale));
    if (part.bias != nullptr) value = _mm512_add_ps(value, bias);
    _mm512_mask_storeu_ps(part.c + (row + i) * part.stride + column, mask, value);
  }
}

// Sums of two strips of rows by two of the weight.
ESPALIER_AMX inline void sum_bytes(std::int64_t steps, const std::int8_t* const (&x)[2],
                                   std::int64_t x_stride, const std::int8_t* const (&w)[2],
                                   std::int32_t (&sums)[4][kSide * kSide]) {
  finish_writes();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::int64_t step = 0; step < steps; ++step) {
    _tile_loadd(4, x[0] + 64 * step, x_stride);
    _tile_loadd(6, w[0] + kTileBytes * step, 64);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(7, w[1] + kTileBytes * step, 64);
    _tile_dpbssd(1, 4, 7);
    _tile_loadd(5, x[1] + 64 * step, x_stride);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
}

}  // namespace

ESPALIER_AMX void amx_part(const QuantizedPart& part) {
  const Tiles tiles;
  const std::int64_t stride = part.x->stride, whole = part.rows / kSide * kSide;
  // The last rows with zeros up to a tile.
  Scratch<std::int8_t> rest(part.rows > whole ? kSide * stride : 0);
  if (part.rows > whole) {
    std::memset(rest.data(), 0, static_cast<std::size_t>(rest.size()));
    std::memcpy(rest.data(), part.x->row(part.first_row + whole),
                static_cast<std::size_t>((part.rows - whole) * stride));
  }
  const auto rows_at = [&](std::int64_t row) {
    return row < whole ? part.x->row(part.first_row + row) : rest.data();
  };
  alignas(64) std::int32_t sums[4][kSide * kSide];
  for (std::int64_t strip = part.first_strip; strip < part.end_strip; strip += 2) {
    const bool two = strip + 1 < part.end_strip;
    const std::int8_t* const w[2] = {part.w->strip(strip), part.w->strip(two ? strip + 1 : strip)};
    for (std::int64_t row = 0; row < part.rows; row += 2 * kSide) {
      const bool more = row + kSide < part.rows;
      sum_bytes(part.w->quads() / kSide, {rows_at(row), rows_at(more ? row + kSide : row)}, stride, w, sums);
      for (int i = 0; i < 4; ++i) {
        if ((i % 2 == 0 || two) && (i / 2 == 0 || more))
          scale_sums(part, row + i / 2 * kSide, strip + i % 2, sums[i]);
      }
    }
  }
}

}  // namespace espalier::kernels
// NOLINTEND

#else

namespace espalier::kernels {

void amx_part(const QuantizedPart& /*part*/) {
  ESPALIER_CHECK(use_amx());
}

}  // namespace espalier::kernels

#endif
