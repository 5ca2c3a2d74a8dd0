// Softmax over the rows of a matrix, shifted by each row's maximum so that no exponential overflows.
// The sum of a row is taken in as many lanes as the instruction set has: bits do not depend on threads, but
// on the instruction set.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// y[r,:] = softmax(x[r,:]) for x, y [rows, width]. Parallel over rows; y may be x. A row that holds NaN, or
// nothing above minus infinity, gives NaN.
void softmax(std::int64_t rows, std::int64_t width, const float* x, float* y);
// dx = y (dy - <dy, y>) by row, or += with `accumulate`. dx may be dy.
void softmax_backward(std::int64_t rows, std::int64_t width, const float* y, const float* dy, Destination dx);

// One row on the calling thread, for use inside a parallel task; y may be x.
void softmax_row(std::int64_t width, const float* x, float* y);
void softmax_row_backward(std::int64_t width, const float* y, const float* dy, Destination dx);

}  // namespace espalier::kernels
