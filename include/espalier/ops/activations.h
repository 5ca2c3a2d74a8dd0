// Elementwise activations, any shape. Each keeps its result for backward and forgets x.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

Variable tanh(const Variable& x);
// max(x, 0), with slope 0 at 0. NaN stays NaN.
Variable relu(const Variable& x);
// 1 / (1 + e^-x)
Variable sigmoid(const Variable& x);

}  // namespace espalier::ops
