// The affine map of a dense layer.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// y [..., out] = x [..., in] weight^T + bias, with weight [out, in] and bias [out], or no bias if undefined.
// The gradients of weight and bias are summed over rows in fixed panels (kernels/matmul.h), so micro-batches
// of whole panels accumulate to the bits of one batch. For backward it keeps weight, and x if weight learns.
// InputError if a shape does not fit.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias = Variable());

}  // namespace espalier::ops
