// Sums and means, in double and in an order that depends on sizes alone. Nothing is kept for backward.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// Over all elements -> [] (rank 0). The mean of no elements is an InputError, their sum is 0.
Variable sum(const Variable& x);
Variable mean(const Variable& x);

// Over one axis, which disappears ([B,S,d] over axis 1 -> [B,d]). Negative axes count from the end. The mean
// over an axis of extent 0 is an InputError.
Variable sum_axis(const Variable& x, int axis);
Variable mean_axis(const Variable& x, int axis);

}  // namespace espalier::ops
