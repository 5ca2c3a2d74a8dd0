// The loss of a student that is to predict what its teacher predicts.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// Sum over rows of KL(softmax(target) || softmax(logits)), divided by `total_count`, in nats, a scalar;
// logits and target [n, C]. Hinton et al., "Distilling the knowledge in a neural network" (2015), at
// temperature 1. 0 where there are no rows. Keeps the difference of the two distributions for backward.
// InputError if shapes differ, C is 0, or total_count is not above 0 though there are rows.
Variable kl_divergence(const Variable& logits, const Tensor& target, double total_count);

}  // namespace espalier::ops
