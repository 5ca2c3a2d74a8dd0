// Rounding arrays to bfloat16, the upper half of a float, as inputs of products and for what waits for the
// backward pass.
#pragma once

#include <cstdint>

namespace espalier::kernels {

using Bfloat16 = std::uint16_t;

// y = x rounded to nearest, ties to even; a NaN stays a NaN. Parallel.
void round_to_bfloat16(std::int64_t n, const float* x, Bfloat16* y);
// The same on the calling thread; y may be the memory of x.
void round_to_bfloat16_serial(std::int64_t n, const float* x, Bfloat16* y);
// y [rows, groups, width] = the columns first to first + width - 1 of each group of x [rows, groups, step],
// rounded. Parallel.
void round_columns_to_bfloat16(std::int64_t rows, std::int64_t groups, std::int64_t step, std::int64_t first,
                               std::int64_t width, const float* x, Bfloat16* y);
// y = x, exactly. Parallel, or on the calling thread.
void widen_bfloat16(std::int64_t n, const Bfloat16* x, float* y);
void widen_bfloat16_serial(std::int64_t n, const Bfloat16* x, float* y);

}  // namespace espalier::kernels
