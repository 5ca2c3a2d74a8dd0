// Products of one leaf's weights with all the vectors that need them, tile by tile, so that weights and
// vectors are both read once a tile and not once a product: the MLPs in the leaves of a tree, for tokens
// sorted by leaf. All run on the calling thread. The bits of an element depend neither on its place in a tile
// nor on its neighbours.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// Vector i begins at data + index[i] * stride.
struct GatheredRows {
  const float* data;
  std::int64_t stride;
  const std::int32_t* index;

  const float* row(std::int64_t i) const { return data + index[i] * stride; }
};

// out[i, u] = <vector i, row u>, i < count, u < units; rows [units, width], out [count, units].
void gathered_dots(std::int64_t count, GatheredRows vectors, std::int64_t width, std::int64_t units,
                   const float* rows, float* out);

// Where sums go: sum i begins at to + index[i] * stride (i * stride if index is null).
struct ScatteredRows {
  Destination to;
  std::int64_t stride;
  const std::int32_t* index;

  float* row(std::int64_t i) const { return to.data + (index == nullptr ? i : index[i]) * stride; }
};

// One row more of a sum, `row` [width], that comes last with weight[i] in sum i. None if row is null.
struct LastRow {
  const float* row = nullptr;
  const float* weight = nullptr;
};

// Sum i = sum over u, in order, of coefficients[i, u] * row u; rows [units, width], coefficients [count,
// units].
void scattered_sums(std::int64_t count, std::int64_t units, const float* coefficients, const float* rows,
                    std::int64_t width, LastRow last, ScatteredRows out);

// out[u, c] (+)= sum over i, in order, of coefficients[i, u] * vector i [c], u < units, c < width. Rows of
// `out` begin out_stride apart.
void gathered_outer_products(std::int64_t count, std::int64_t units, const float* coefficients,
                             GatheredRows vectors, std::int64_t width, Destination out,
                             std::int64_t out_stride);

}  // namespace espalier::kernels
