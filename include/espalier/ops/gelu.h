// The Gaussian error linear unit in its exact form, x Phi(x): Hendrycks and Gimpel, "Gaussian error linear
// units" (2016). Accuracy: kernels/gelu.h.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// gelu(x), any shape. Keeps x for backward.
Variable gelu(const Variable& x);

// [..., 2h] -> [..., h]: the first half of the last axis times gelu(second half); the second half is the
// gate. Shazeer, "GLU variants improve transformer" (2020). Keeps x for backward. InputError if the last axis
// is odd.
Variable gated_gelu(const Variable& x);

}  // namespace espalier::ops
