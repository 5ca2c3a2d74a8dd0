// The training objective: the task's loss and the trees' entropy.
#pragma once

#include <span>

#include "espalier/autograd/variable.h"

namespace espalier::train {

// loss + weight * mean of `entropies`; the loss itself if there are none or the weight is 0.
Variable add_entropy(const Variable& loss, std::span<const Variable> entropies, double weight);
// 0 of none.
double mean_value(std::span<const Variable> values);

}  // namespace espalier::train
