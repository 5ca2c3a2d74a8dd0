// Layer normalisation of Ba, Kiros and Hinton, "Layer normalization" (2016).
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

// y [..., d] = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis of x [..., d], with the
// biased variance; weight and bias [d]; eps > 0, or 0 where no row is constant.
// For backward it keeps x, rounded with bf16, and two numbers a row. InputError if a shape does not fit or
// eps is negative.
Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, float eps,
                    Precision precision = Precision::kFloat32);

}  // namespace espalier::ops
