// Where a backward function leaves its gradients.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// The input's gradient slot, or a null one where nobody wants that gradient.
inline Destination slot_if_wanted(Variable& input) {
  return input.requires_grad() ? input.grad_slot() : Destination();
}

// A mark for each row of a gradient, none of which is unwritten yet.
inline UnwrittenRows marks_of_rows(std::int64_t rows) {
  return std::allocate_shared<PoolVector<char>>(PoolAllocator<char>(), static_cast<std::size_t>(rows));
}

}  // namespace espalier::ops
