// The affine map of a dense layer.
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

// y [..., out] = x [..., in] weight^T + bias, with weight [out, in] and bias [out], or no bias if undefined.
// The gradients of weight and bias are summed over rows in fixed panels of 512, so micro-batches of whole
// panels accumulate to the bits of one batch. For backward it keeps weight, and x if weight learns:
// with bf16 as it was rounded, in half the memory. All three products are in `precision`; the bias and its
// gradient are float32. InputError if a shape does not fit.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias = Variable(),
                Precision precision = Precision::kFloat32);

// The same in bf16, to the same bits, with a weight rounded before: for models that are used, since rounding
// a weight takes as long as its product with 100 rows. InputError as above, and where a gradient would be
// recorded: there is none.
Variable linear(const Variable& x, const Bfloat16Tensor& weight, const Variable& bias);
Bfloat16Tensor rounded_weight(const Variable& weight);

}  // namespace espalier::ops
