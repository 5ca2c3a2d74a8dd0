// The exact GELU of Hendrycks and Gimpel, "Gaussian error linear units" (2016): x Phi(x), Phi the normal
// distribution function. The gated form is x_value gelu(x_gate) of Shazeer, "GLU variants improve
// transformer" (2020).
//
// Errors against double precision for all finite x: value 3.9e-7 absolute (x <= 8) and 4.9e-7 relative
// (x >= -12.5; 4.5e-6 where there is no fused multiply-add); slope 2.5e-7 absolute. gelu-inl.h holds the
// vector form for use inside other kernels.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// y[i] = gelu(x[i]). y may be x.
void gelu(std::int64_t n, const float* x, float* y);
// dx[i] = dy[i] gelu'(x[i]), or += with `accumulate`. dx may be dy or x.
void gelu_backward(std::int64_t n, const float* x, const float* dy, Destination dx);

// The approximation by a tanh, 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), of the same paper. Errors
// against double precision: value 5.3e-7 absolute (x <= 8), slope 2.1e-6 absolute. y may be x.
void gelu_tanh(std::int64_t n, const float* x, float* y);
// As gelu_backward().
void gelu_tanh_backward(std::int64_t n, const float* x, const float* dy, Destination dx);

// On the calling thread, for a few elements inside a parallel task; y and slope may be x.
void gelu_serial(std::int64_t n, const float* x, float* y);
// y[i] = gelu(x[i]) and slope[i] = gelu'(x[i]) for the price of one.
void gelu_and_slope_serial(std::int64_t n, const float* x, float* y, float* slope);

// x [rows, 2 width] -> y [rows, width]: y = x[:, :width] gelu(x[:, width:]), the second half is the gate.
void gated_gelu(std::int64_t rows, std::int64_t width, const float* x, float* y);
// dx [rows, 2 width] from dy [rows, width]; += with `accumulate`.
void gated_gelu_backward(std::int64_t rows, std::int64_t width, const float* x, const float* dy,
                         Destination dx);

}  // namespace espalier::kernels
