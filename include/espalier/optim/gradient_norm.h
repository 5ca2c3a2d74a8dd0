// The global norm of the gradient, and clipping by it.
#pragma once

#include <string>
#include <vector>

#include "espalier/nn/module.h"

namespace espalier::optim {

struct GradientNorm {
  double norm = 0;  // L2 over all parameters, the sum in fixed order in double
  bool finite = true;
  std::string not_finite;  // name of the first parameter whose gradient holds inf or NaN
};
// Of those parameters that require a gradient.
GradientNorm gradient_norm(const std::vector<nn::NamedParameter>& parameters);

// The factor that brings `norm` down to `max_norm` as torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm
// + 1e-6)). max_norm 0: no clipping.
double clip_factor(double norm, double max_norm);

}  // namespace espalier::optim
