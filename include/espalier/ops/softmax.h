// Softmax.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// exp(x) / sum exp(x) over the last axis of x [..., n], shifted by the maximum. Keeps its result for
// backward. InputError if x has no axis.
Variable softmax(const Variable& x);

}  // namespace espalier::ops
