// Where a backward function leaves its gradients.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// The input's gradient slot, or a null one where nobody wants that gradient.
inline Destination slot_if_wanted(Variable& input) {
  return input.requires_grad() ? input.grad_slot() : Destination();
}

}  // namespace espalier::ops
