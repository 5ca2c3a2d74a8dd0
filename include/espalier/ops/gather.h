// Rows (entries of the first axis) taken and added by index. The indices are kept for backward: do not change
// them before it.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// x [n, ...], indices [i...] in [0, n) -> [i..., ...]: y[k] = x[indices[k]]. Indices may repeat; the gradient
// adds them up in their order. InputError names the first index out of range.
Variable gather_rows(const Variable& x, const IntTensor& indices);

// Its adjoint: x [i..., ...], indices [i...] in [0, rows) -> [rows, ...]: y[r] is the sum of the x[k] with
// indices[k] == r, in the order of k; 0 where there is none. InputError as above.
Variable scatter_rows(const Variable& x, const IntTensor& indices, std::int64_t rows);

}  // namespace espalier::ops
