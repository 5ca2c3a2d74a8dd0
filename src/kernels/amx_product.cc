// Products of bfloat16.
#include <algorithm>

#include "espalier/base/error.h"
#include "kernels/amx.h"
#include "kernels/amx_tiles.h"
#include "kernels/isa.h"
#include "kernels/scratch.h"

namespace espalier::kernels {

static bool amx_allowed = true;

bool use_amx() {
  return amx_allowed && has_amx();
}

void allow_amx(bool allowed) {
  amx_allowed = allowed;
}

}  // namespace espalier::kernels

#if defined(__x86_64__)

// NOLINTBEGIN: intrinsics
namespace espalier::kernels {
namespace {

using namespace amx;

// Along k, of bfloat16.
constexpr std::int64_t kDepth = 32;
constexpr std::int64_t kNumbers = kTileBytes / 2;
// Steps of a block along k. The right factor of a task, 768 columns of it, then takes 1.2 MB of the
// second-level cache.
constexpr std::int64_t kMostSteps = 24;
// A product of fewer rows than this is computed as its transpose where that reads a weight in place, but for
// short sums: there it costs less to pack the weight than to turn the result.
constexpr std::int64_t kFewRows = 256;

// 16 x 16 numbers of 32 bits.
ESPALIER_AMX inline void transpose(__m512i rows[kSide]) {
  __m512i turned[kSide];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    turned[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    turned[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(turned[i], turned[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(turned[i], turned[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(turned[i + 1], turned[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(turned[i + 1], turned[i + 3]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 16; i += 8) {
#pragma GCC unroll 4
    for (int j = i; j < i + 4; ++j) {
      turned[j] = _mm512_shuffle_i32x4(rows[j], rows[j + 4], 0x88);
      turned[j + 4] = _mm512_shuffle_i32x4(rows[j], rows[j + 4], 0xdd);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    rows[i] = _mm512_shuffle_i32x4(turned[i], turned[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(turned[i], turned[i + 8], 0xdd);
  }
}

ESPALIER_AMX inline void store(const __m512i rows[kSide], void* tile) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) _mm512_store_si512(static_cast<std::uint8_t*>(tile) + 64 * i, rows[i]);
}

// `lines` lines of `depth` neighbours along k, with zeros up to 16 and 32.
ESPALIER_AMX inline void load_lines(const Bfloat16* from, std::int64_t stride, std::int64_t lines,
                                    std::int64_t depth, __m512i rows[kSide]) {
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << static_cast<unsigned>(depth)) - 1);
  for (std::int64_t i = 0; i < kSide; ++i) {
    rows[i] = i < lines ? _mm512_maskz_loadu_epi16(mask, from + i * stride) : _mm512_setzero_si512();
  }
}

// `depth` lines of `columns` numbers; row i gets pairs of the lines 2 i and 2 i + 1.
ESPALIER_AMX inline void load_pairs(const Bfloat16* from, std::int64_t stride, std::int64_t depth,
                                    std::int64_t columns, __m512i rows[kSide]) {
  const auto mask = static_cast<__mmask16>((1U << static_cast<unsigned>(columns)) - 1);
  const auto line = [&](std::int64_t i) ESPALIER_AMX {
    return _mm512_cvtepu16_epi32(i < depth ? _mm256_maskz_loadu_epi16(mask, from + i * stride)
                                           : _mm256_setzero_si256());
  };
  for (std::int64_t i = 0; i < kSide; ++i)
    rows[i] = _mm512_or_si512(line(2 * i), _mm512_slli_epi32(line(2 * i + 1), 16));
}

// Some steps along k of 16 rows of a left factor, or of 16 columns of a right one.
struct Strip {
  const Bfloat16* data;
  std::int64_t step;    // numbers from one tile to the next
  std::int64_t stride;  // bytes from one row of a tile to the next
};

// A factor as lines along k, those of the result's rows (A) or columns (B transposed).
struct Factor {
  Bfloat16View lines;
  std::int64_t count, depth;

  std::int64_t strips() const { return (count + kSide - 1) / kSide; }
  // Tiles that pair neighbours along k where `paired`, else those of a left factor.
  ESPALIER_AMX void pack(std::int64_t strip, std::int64_t first, std::int64_t steps, bool paired,
                         Bfloat16* to) const {
    const std::int64_t wide = std::min(kSide, count - strip * kSide);
    for (std::int64_t step = 0; step < steps; ++step, to += kNumbers) {
      const Bfloat16View part = from(lines, strip * kSide, first + step * kDepth);
      const std::int64_t deep = std::min(kDepth, depth - first - step * kDepth);
      __m512i rows[kSide];
      if (part.transposed) {
        load_pairs(part.data, part.stride, deep, wide, rows);
      } else {
        load_lines(part.data, part.stride, wide, deep, rows);
      }
      if (part.transposed != paired) transpose(rows);
      store(rows, to);
    }
  }
  // The tiles of a left factor, read where they are if they are whole; else packed into `copy`.
  Strip left(std::int64_t strip, std::int64_t first, std::int64_t steps, Bfloat16* copy) const {
    const bool whole = !lines.transposed && (strip + 1) * kSide <= count && first + steps * kDepth <= depth;
    if (whole) return {from(lines, strip * kSide, first).data, kDepth, 2 * lines.stride};
    pack(strip, first, steps, false, copy);
    return {copy, kNumbers, 64};
  }
};

// The result, or its transpose.
struct Result {
  float* data;
  std::int64_t stride, rows, columns;
  bool transposed;

  bool whole(std::int64_t row, std::int64_t column) const {
    return !transposed && row + 2 * kSide <= rows && column + 2 * kSide <= columns;
  }
  float* at(std::int64_t row, std::int64_t column) const {
    return data + (transposed ? column * stride + row : row * stride + column);
  }
  // 16 x 16 sums, as far as they lie inside, with zeros beyond.
  ESPALIER_AMX void read(std::int64_t row, std::int64_t column, float* sums) const {
    move(row, column, [&](float* inside, __mmask16 mask, int line) ESPALIER_AMX {
      _mm512_store_ps(sums + kSide * line, _mm512_maskz_loadu_ps(mask, inside));
    });
    if (transposed) turn(sums);
  }
  ESPALIER_AMX void write(std::int64_t row, std::int64_t column, float* sums) const {
    if (transposed) turn(sums);
    move(row, column, [&](float* inside, __mmask16 mask, int line) ESPALIER_AMX {
      _mm512_mask_storeu_ps(inside, mask, _mm512_load_ps(sums + kSide * line));
    });
  }

 private:
  template <class Line>
  ESPALIER_AMX void move(std::int64_t row, std::int64_t column, const Line& line) const {
    const std::int64_t height = transposed ? columns - column : rows - row;
    const std::int64_t width = std::clamp<std::int64_t>(transposed ? rows - row : columns - column, 0, kSide);
    const auto mask = static_cast<__mmask16>((1U << static_cast<unsigned>(width)) - 1);
    for (int i = 0; i < kSide; ++i) {
      const bool inside = i < height && width > 0;
      line(inside ? at(row, column) + i * stride : data, inside ? mask : __mmask16{0}, i);
    }
  }
  ESPALIER_AMX static void turn(float* sums) {
    __m512i rows[kSide];
    for (int i = 0; i < kSide; ++i) rows[i] = _mm512_load_si512(sums + kSide * i);
    transpose(rows);
    store(rows, sums);
  }
};

ESPALIER_AMX void begin_sums(const Result& c, std::int64_t row, std::int64_t column, bool add) {
  if (!add) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    return;
  }
  alignas(64) float sums[4][kSide * kSide];
  const bool whole = c.whole(row, column);
  const float* part[4];
  for (int i = 0; i < 4; ++i) {
    const std::int64_t r = row + i / 2 * kSide, j = column + i % 2 * kSide;
    if (!whole) c.read(r, j, sums[i]);
    part[i] = whole ? c.at(r, j) : sums[i];
  }
  const std::int64_t bytes = whole ? 4 * c.stride : 64;
  finish_writes();
  _tile_loadd(0, part[0], bytes);
  _tile_loadd(1, part[1], bytes);
  _tile_loadd(2, part[2], bytes);
  _tile_loadd(3, part[3], bytes);
}

ESPALIER_AMX void end_sums(const Result& c, std::int64_t row, std::int64_t column) {
  if (c.whole(row, column)) {
    const std::int64_t bytes = 4 * c.stride;
    _tile_stored(0, c.at(row, column), bytes);
    _tile_stored(1, c.at(row, column + kSide), bytes);
    _tile_stored(2, c.at(row + kSide, column), bytes);
    _tile_stored(3, c.at(row + kSide, column + kSide), bytes);
    return;
  }
  alignas(64) float sums[4][kSide * kSide];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  for (int i = 0; i < 4; ++i) c.write(row + i / 2 * kSide, column + i % 2 * kSide, sums[i]);
}

// Two strips of the left factor by two of the right one.
ESPALIER_AMX inline void add_products(std::int64_t steps, const Strip (&left)[2], const Strip (&right)[2]) {
  finish_writes();
  const Bfloat16 *l0 = left[0].data, *l1 = left[1].data, *r0 = right[0].data, *r1 = right[1].data;
  for (std::int64_t step = 0; step < steps; ++step) {
    _tile_loadd(4, l0, left[0].stride);
    _tile_loadd(6, r0, right[0].stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, r1, right[1].stride);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, l1, left[1].stride);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    l0 += left[0].step, l1 += left[1].step, r0 += right[0].step, r1 += right[1].step;
  }
}

ESPALIER_AMX void multiply(const Factor& a, const Factor& b, const Result& c, bool accumulate) {
  const Tiles tiles;
  const std::int64_t all_steps = (a.depth + kDepth - 1) / kDepth, most = std::min(all_steps, kMostSteps);
  Scratch<Bfloat16> columns(b.strips() * most * kNumbers), rows(2 * most * kNumbers);
  for (std::int64_t step = 0; step < all_steps; step += most) {
    const std::int64_t steps = std::min(most, all_steps - step), first = step * kDepth;
    for (std::int64_t j = 0; j < b.strips(); ++j)
      b.pack(j, first, steps, true, columns.data() + j * steps * kNumbers);
    const auto right = [&](std::int64_t j) {
      return Strip{columns.data() + j * steps * kNumbers, kNumbers, 64};
    };
    for (std::int64_t i = 0; i < a.strips(); i += 2) {
      // Beyond the edge the strip before is computed again, and left out.
      const Strip upper = a.left(i, first, steps, rows.data());
      const bool two = i + 1 < a.strips();
      const Strip left[2] = {upper,
                             two ? a.left(i + 1, first, steps, rows.data() + steps * kNumbers) : upper};
      for (std::int64_t j = 0; j < b.strips(); j += 2) {
        begin_sums(c, i * kSide, j * kSide, accumulate || step > 0);
        add_products(steps, left, {right(j), right(std::min(j + 1, b.strips() - 1))});
        end_sums(c, i * kSide, j * kSide);
      }
    }
  }
}

}  // namespace

void amx_product(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b,
                 Destination c, std::int64_t stride) {
  const Factor rows{a, m, k}, columns{{b.data, b.stride, !b.transposed}, n, k};
  if (m < kFewRows && k > 2 * m && !columns.lines.transposed) {
    return multiply(columns, rows, {c.data, stride, n, m, true}, c.accumulate);
  }
  multiply(rows, columns, {c.data, stride, m, n, false}, c.accumulate);
}

}  // namespace espalier::kernels
// NOLINTEND

#else

namespace espalier::kernels {

void amx_product(std::int64_t /*m*/, std::int64_t /*n*/, std::int64_t /*k*/, Bfloat16View /*a*/,
                 Bfloat16View /*b*/, Destination /*c*/, std::int64_t /*stride*/) {
  ESPALIER_CHECK(use_amx());
}

}  // namespace espalier::kernels

#endif
