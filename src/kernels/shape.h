// Moving elements without arithmetic: blocks of rows (slices, concatenation) and permuted axes.
#pragma once

#include <cstdint>
#include <span>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// to[r * to_stride + i] = from[r * from_stride + i] for r in [0, rows), i in [0, width), or += with
// `accumulate`. Parallel over rows.
void copy_rows(std::int64_t rows, std::int64_t width, const float* from, std::int64_t from_stride,
               Destination to, std::int64_t to_stride);

// y's axis j is x's axis axes[j]; x is row-major with `extents`, y row-major with the permuted ones. At most
// 6 axes. += with `accumulate`. Parallel over the rows of y.
void permute(std::span<const std::int64_t> extents, std::span<const int> axes, const float* x, Destination y);

}  // namespace espalier::kernels
