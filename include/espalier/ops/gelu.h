// The Gaussian error linear unit in its exact form, x Phi(x): Hendrycks and Gimpel, "Gaussian error linear
// units" (2016). Errors against double precision in float32: value 3.9e-7 absolute (x <= 8) and 4.9e-7
// relative (x >= -12.5; 4.5e-6 where there is no fused multiply-add), slope 2.5e-7 absolute; of gelu_tanh()
// value 5.3e-7 (x <= 8) and slope 2.1e-6, both absolute.
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

// gelu(x), any shape. Keeps x for backward, all three rounded with bf16.
Variable gelu(const Variable& x, Precision precision = Precision::kFloat32);

// Its approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) of the same paper, any shape: up
// to 4.8e-4 from gelu(x), so a model trained with one computes something else with the other. Keeps x for
// backward.
Variable gelu_tanh(const Variable& x, Precision precision = Precision::kFloat32);

// [..., 2h] -> [..., h]: the first half of the last axis times gelu(second half); the second half is the
// gate. Shazeer, "GLU variants improve transformer" (2020). Keeps x for backward. InputError if the last axis
// is odd.
Variable gated_gelu(const Variable& x, Precision precision = Precision::kFloat32);

}  // namespace espalier::ops
