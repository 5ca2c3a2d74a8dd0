// The product of two matrices.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

struct MatmulOptions {
  bool transpose_b = false;  // b is given as [n, k]
};

// c [m, n] = a [m, k] b [k, n]. For backward it keeps what the other's gradient needs.
// InputError if a shape does not fit.
Variable matmul(const Variable& a, const Variable& b, const MatmulOptions& options = {});

}  // namespace espalier::ops
