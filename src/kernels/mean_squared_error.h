// Squared differences.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// Sum of (x[i] - target[i])^2 in double, in an order that depends on n alone.
double sum_of_squared_differences(std::int64_t n, const float* x, const float* target);
// dx = factor (x - target), or += with `accumulate`.
void squared_differences_backward(std::int64_t n, float factor, const float* x, const float* target,
                                  Destination dx);

}  // namespace espalier::kernels
