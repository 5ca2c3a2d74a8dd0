#include "kernels/tree/leaf_products.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/leaf_products.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// A tile is kSide vectors (tokens, or units) by kAcross (units, or columns): as many sums as leave registers
// for what they are made of. 32 registers with AVX-512, 16 below.
constexpr int kSide = 4;
constexpr int kAcross = HWY_MAX_BYTES >= 64 ? 4 : 2;

// Sums of a tile: [kRows][kColumns].
template <int kRows, int kColumns>
struct Tile {
  Vector sum[kRows][kColumns];
};

// One vector from `from`, or the first `valid` elements of one.
template <bool kWhole>
HWY_INLINE Vector load(const float* from, std::int64_t valid) {
  const Tag d;
  if constexpr (kWhole) return hn::LoadU(d, from);
  return load_first(d, valid, from);
}

// sum[i][u] += x[i][c...] * rows[u][c...], one vector wide.
template <bool kWhole, int kVectors, int kUnits>
HWY_INLINE void add_products(const float* const* x, const float* rows, std::int64_t width, std::int64_t c,
                             Tile<kVectors, kUnits>& tile) {
  const std::int64_t valid = width - c;
  Vector w[kUnits];
#pragma GCC unroll 4
  for (int u = 0; u < kUnits; ++u) w[u] = load<kWhole>(rows + u * width + c, valid);
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
    const Vector value = load<kWhole>(x[i] + c, valid);
#pragma GCC unroll 4
    for (int u = 0; u < kUnits; ++u) tile.sum[i][u] = hn::MulAdd(value, w[u], tile.sum[i][u]);
  }
}

template <int kVectors, int kUnits>
HWY_INLINE void dot_tile(const float* const* x, const float* rows, std::int64_t width, std::int64_t units,
                         float* out) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Tile<kVectors, kUnits> tile;
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnits; ++u) tile.sum[i][u] = hn::Zero(d);
  }
  std::int64_t c = 0;
  for (; c + lanes <= width; c += lanes) add_products<true>(x, rows, width, c, tile);
  if (c < width) add_products<false>(x, rows, width, c, tile);
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnits; ++u) out[i * units + u] = hn::GetLane(hn::SumOfLanes(d, tile.sum[i][u]));
  }
}

// All units for kVectors vectors.
template <int kVectors>
void dot_units(const float* const* x, const float* rows, std::int64_t width, std::int64_t units, float* out) {
  std::int64_t u = 0;
  for (; u + kAcross <= units; u += kAcross) {
    dot_tile<kVectors, kAcross>(x, rows + u * width, width, units, out + u);
  }
  for (; u < units; ++u) dot_tile<kVectors, 1>(x, rows + u * width, width, units, out + u);
}

void dots(std::int64_t count, GatheredRows vectors, std::int64_t width, std::int64_t units, const float* rows,
          float* out) {
  const float* x[kSide];
  std::int64_t i = 0;
  for (; i + kSide <= count; i += kSide) {
    for (int j = 0; j < kSide; ++j) x[j] = vectors.row(i + j);
    dot_units<kSide>(x, rows, width, units, out + i * units);
  }
  for (; i < count; ++i) {
    x[0] = vectors.row(i);
    dot_units<1>(x, rows, width, units, out + i * units);
  }
}

// to[j][c ...] (+)= sum over n terms of weight(j, term) * source(term)[c ...], kRows by kColumns vectors from
// c on; the last of a row may be partial.
template <bool kWhole, int kRows, int kColumns, class Weight, class Source>
HWY_INLINE void sum_tile(std::int64_t terms, const Weight& weight, const Source& source, std::int64_t c,
                         std::int64_t valid, bool accumulate, float* const* to) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Tile<kRows, kColumns> tile;
#pragma GCC unroll 4
  for (int j = 0; j < kRows; ++j) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumns; ++v) {
      tile.sum[j][v] = accumulate ? load<kWhole>(to[j] + c + v * lanes, valid) : hn::Zero(d);
    }
  }
  for (std::int64_t term = 0; term < terms; ++term) {
    const float* from = source(term) + c;
    Vector value[kColumns];
#pragma GCC unroll 4
    for (int v = 0; v < kColumns; ++v) value[v] = load<kWhole>(from + v * lanes, valid);
#pragma GCC unroll 4
    for (int j = 0; j < kRows; ++j) {
      const Vector w = hn::Set(d, weight(j, term));
#pragma GCC unroll 4
      for (int v = 0; v < kColumns; ++v) tile.sum[j][v] = hn::MulAdd(w, value[v], tile.sum[j][v]);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < kRows; ++j) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumns; ++v) {
      if constexpr (kWhole) {
        hn::StoreU(tile.sum[j][v], d, to[j] + c + v * lanes);
      } else {
        store_first(d, valid, tile.sum[j][v], to[j] + c);
      }
    }
  }
}

// All columns of kRows sums.
template <int kRows, class Weight, class Source>
HWY_INLINE void sum_columns(std::int64_t terms, const Weight& weight, const Source& source,
                            std::int64_t width, bool accumulate, float* const* to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  std::int64_t c = 0;
  for (; c + kAcross * lanes <= width; c += kAcross * lanes) {
    sum_tile<true, kRows, kAcross>(terms, weight, source, c, 0, accumulate, to);
  }
  for (; c + lanes <= width; c += lanes) {
    sum_tile<true, kRows, 1>(terms, weight, source, c, 0, accumulate, to);
  }
  if (c < width) sum_tile<false, kRows, 1>(terms, weight, source, c, width - c, accumulate, to);
}

void sums(std::int64_t count, std::int64_t units, const float* coefficients, const float* rows,
          std::int64_t width, LastRow last, ScatteredRows out) {
  const std::int64_t terms = units + (last.row == nullptr ? 0 : 1);
  const auto row = [&](std::int64_t u) HWY_ATTR { return u < units ? rows + u * width : last.row; };
  float* to[kSide];
  std::int64_t i = 0;
  const auto weight = [&](int j, std::int64_t u) HWY_ATTR {
    return u < units ? coefficients[(i + j) * units + u] : last.weight[i + j];
  };
  for (; i + kSide <= count; i += kSide) {
    for (int j = 0; j < kSide; ++j) to[j] = out.row(i + j);
    sum_columns<kSide>(terms, weight, row, width, out.to.accumulate, to);
  }
  for (; i < count; ++i) {
    to[0] = out.row(i);
    sum_columns<1>(terms, weight, row, width, out.to.accumulate, to);
  }
}

void outer_products(std::int64_t count, std::int64_t units, const float* coefficients, GatheredRows vectors,
                    std::int64_t width, bool accumulate, float* out, std::int64_t out_stride) {
  const auto vector = [&](std::int64_t i) HWY_ATTR { return vectors.row(i); };
  float* to[kSide];
  std::int64_t u = 0;
  const auto weight = [&](int j, std::int64_t i) HWY_ATTR { return coefficients[i * units + u + j]; };
  for (; u + kSide <= units; u += kSide) {
    for (int j = 0; j < kSide; ++j) to[j] = out + (u + j) * out_stride;
    sum_columns<kSide>(count, weight, vector, width, accumulate, to);
  }
  for (; u < units; ++u) {
    to[0] = out + u * out_stride;
    sum_columns<1>(count, weight, vector, width, accumulate, to);
  }
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(dots);
HWY_EXPORT(sums);
HWY_EXPORT(outer_products);

}  // namespace

void gathered_dots(std::int64_t count, GatheredRows vectors, std::int64_t width, std::int64_t units,
                   const float* rows, float* out) {
  HWY_DYNAMIC_DISPATCH(dots)(count, vectors, width, units, rows, out);
}

void scattered_sums(std::int64_t count, std::int64_t units, const float* coefficients, const float* rows,
                    std::int64_t width, LastRow last, ScatteredRows out) {
  HWY_DYNAMIC_DISPATCH(sums)(count, units, coefficients, rows, width, last, out);
}

void gathered_outer_products(std::int64_t count, std::int64_t units, const float* coefficients,
                             GatheredRows vectors, std::int64_t width, Destination out,
                             std::int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(outer_products)
  (count, units, coefficients, vectors, width, out.accumulate, out.data, out_stride);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
