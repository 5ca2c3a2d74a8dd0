// Sums and products element by element.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// x + y. y has the shape of x, or that of x's last axes and is then repeated over the leading ones
// ([B,S,d] + [S,d], [B,S,d] + [d]). Keeps nothing for backward. InputError if y's shape does not fit.
Variable add(const Variable& x, const Variable& y);

// factor * x. Keeps nothing for backward.
Variable scale(const Variable& x, float factor);

// x * y, element by element; the shapes must be equal.
Variable multiply(const Variable& x, const Variable& y);

// scalar * x, where `scalar` is a variable of one element (of any rank) that may learn. Its gradient is
// summed in double in fixed chunks.
Variable multiply_scalar(const Variable& x, const Variable& scalar);

}  // namespace espalier::ops
