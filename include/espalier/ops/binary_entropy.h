// The entropy of a decision.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// H(c) = -c ln c - (1 - c) ln(1 - c) in nats, element by element, with c = p clamped to [limit, 1 - limit];
// the gradient is 0 where p was clamped. limit in [1e-7, 0.5). Keeps p for backward. The default limit is
// that of Belcak and Wattenhofer, "Fast feedforward networks" (2023).
Variable binary_entropy(const Variable& p, float limit = 1e-6F);

}  // namespace espalier::ops
