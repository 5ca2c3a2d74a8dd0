// The training objective: the task's loss and the trees' entropy.
#pragma once

#include <vector>

#include "espalier/autograd/variable.h"

namespace espalier::train {

// loss + weight * mean of `entropies`; the loss itself if there are none or the weight is 0.
Variable add_entropy(const Variable& loss, const std::vector<Variable>& entropies, double weight);
// 0 of none.
double mean_value(const std::vector<Variable>& values);

}  // namespace espalier::train
