// Elementwise activations. Backward takes the forward's result y, so that x can be forgotten; with
// `accumulate` it adds to dx. All are parallel; y may be x, dx may be dy or y. NaN gives NaN. Errors against
// double precision: tanh 3e-7 and sigmoid 2e-7 relative.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

void tanh(std::int64_t n, const float* x, float* y);
// dx = dy (1 - y^2)
void tanh_backward(std::int64_t n, const float* y, const float* dy, Destination dx);

// y = 1 / (1 + e^-x)
void sigmoid(std::int64_t n, const float* x, float* y);
// dx = dy y (1 - y)
void sigmoid_backward(std::int64_t n, const float* y, const float* dy, Destination dx);

// y = max(x, 0)
void relu(std::int64_t n, const float* x, float* y);
// dx = dy where y > 0, else 0
void relu_backward(std::int64_t n, const float* y, const float* dy, Destination dx);

}  // namespace espalier::kernels
