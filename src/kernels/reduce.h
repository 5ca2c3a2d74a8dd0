// Sums. All are parallel, and their order depends on sizes alone: any number of threads gives the same bits.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// Sum of x[i], and of a[i] b[i], in double.
double sum(std::int64_t n, const float* x);
double dot(std::int64_t n, const float* a, const float* b);
// dot(x, x) for x [rows, width] whose rows with `zero` are zeros and are not read.
double squares_of_rows(std::int64_t rows, std::int64_t width, const char* zero, const float* x);

// y[j] = sum over r of x[r,j] for x [rows, width], or += with `accumulate`: the gradient of a row that was
// added to every row. Rows are summed in float32 within panels of kGradientRows (kernels/matmul.h), panels in
// order, so micro-batches of whole panels, accumulated one after the other, give the bits of one batch.
void sum_over_rows(std::int64_t rows, std::int64_t width, const float* x, Destination y);

// y[o,i] = factor * (sum over c of x[o,c,i]) for x [outer, count, inner]; summed in double, in order.
void sum_over_middle(std::int64_t outer, std::int64_t count, std::int64_t inner, double factor,
                     const float* x, float* y);
// Its adjoint: x[o,c,i] = factor * y[o,i], or += with `accumulate`.
void repeat_middle(std::int64_t outer, std::int64_t count, std::int64_t inner, float factor, const float* y,
                   Destination x);

}  // namespace espalier::kernels
