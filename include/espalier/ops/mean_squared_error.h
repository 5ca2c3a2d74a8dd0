// The loss of regression.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// Mean over all elements of (prediction - target)^2 -> [] (rank 0), summed in double in fixed chunks. Keeps
// both for backward. InputError if shapes differ or are empty.
Variable mean_squared_error(const Variable& prediction, const Tensor& target);

}  // namespace espalier::ops
