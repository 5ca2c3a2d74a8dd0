// Rows of a matrix taken by index, and added back by index. Indices must be in range; they may repeat.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// y[i,:] = x[indices[i],:] for i in [0, count), or += with `accumulate`. Parallel over i.
void gather_rows(std::int64_t width, std::int64_t count, const std::int32_t* indices, const float* x,
                 Destination y);

// The adjoint: y[indices[i],:] += x[i,:] for x [count, width], y [rows, width], where y starts from zero
// unless `accumulate`. Parallel over the rows of y; each adds its own in the order of i, whatever the thread
// count.
void scatter_rows(std::int64_t rows, std::int64_t width, std::int64_t count, const std::int32_t* indices,
                  const float* x, Destination y);

}  // namespace espalier::kernels
