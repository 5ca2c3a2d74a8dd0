// The two products that conditional trees are made of: one vector against chosen rows of a matrix, and a
// weighted sum of chosen rows. All run on the calling thread.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// Rows of a matrix: row i begins at data + i * stride.
struct RowSource {
  const float* data;
  std::int64_t stride;
};

// <row, x> over `width` elements. The bits depend on the two vectors alone: the same as in row_dots.
float row_dot(std::int64_t width, const float* row, const float* x);

// out[j] = <source row index[j], x>, j < count.
void row_dots(std::int64_t count, const std::int32_t* index, RowSource source, std::int64_t width,
              const float* x, float* out);

// Weights of a sum of rows: weight j is data[j * stride].
struct RowWeights {
  const float* data;
  std::int64_t stride = 1;
};

// out[c] = sum over j of weight j * source row index[j][c], c < width; with `accumulate` the sum starts from
// what `out` holds. The terms are added in the order of j, one by one, so a list cut in two calls gives the
// same bits as one call.
void weighted_row_sum(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
                      std::int64_t width, Destination out);

}  // namespace espalier::kernels
