// Arithmetic on whole arrays: limited by memory, so plain loops, parallel in pieces of kElementGrain
// elements. Results may be one of the inputs.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// y = a + b
void add(std::int64_t n, const float* a, const float* b, float* y);
// y[r,:] = x[r,:] + row for x, y [rows, width]
void add_row(std::int64_t rows, std::int64_t width, const float* x, const float* row, float* y);
// y[r,:] = row for y [rows, width]
void repeat_row(std::int64_t rows, std::int64_t width, const float* row, float* y);
// x[r,:] = 0 where chosen[r], for x [rows, width]
void zero_rows(std::int64_t rows, std::int64_t width, const char* chosen, float* x);
// y = factor x, or += with `accumulate`. With factor 1, a copy or a plain addition, exactly.
void scale(std::int64_t n, float factor, const float* x, Destination y);
// y = a b, or += with `accumulate`
void multiply(std::int64_t n, const float* a, const float* b, Destination y);

}  // namespace espalier::kernels
