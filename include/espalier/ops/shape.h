// Rearranging elements. Nothing is kept for backward. Axes count from 0, or from the end if negative.
#pragma once

#include <span>
#include <vector>

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// The same elements under another shape of as many; shares memory with x.
Variable reshape(const Variable& x, const Shape& shape);

// Axis j of the result is axis axes[j] of x; `axes` names each axis once.
Variable permute(const Variable& x, std::span<const int> axes);

// Two axes exchanged.
Variable transpose(const Variable& x, int axis_a, int axis_b);

// Entries [begin, end) of an axis.
Variable slice(const Variable& x, int axis, std::int64_t begin, std::int64_t end);

// One after the other along an axis; all other axes must agree. At least one input.
Variable concat(const std::vector<Variable>& inputs, int axis);

}  // namespace espalier::ops
