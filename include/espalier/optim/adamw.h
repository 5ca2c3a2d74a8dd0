// AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), as torch.optim.AdamW
// computes it.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/nn/module.h"

namespace espalier::optim {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-12;
  double weight_decay = 0.01;
};

// One parameter with its moments.
struct AdamWSlot {
  std::string name;
  Variable parameter;
  bool decays = true;  // nn::decays() of its role
  Tensor exp_avg;      // first moment, of the parameter's shape
  Tensor exp_avg_sq;   // second moment
};

class AdamW {
 public:
  // Moments start at zero. Parameters that require no gradient (frozen ones) are left out; one that is frozen
  // later rests, and so do its moments, until it learns again.
  AdamW(std::vector<nn::NamedParameter> parameters, const AdamWOptions& options);

  // One update with learning rate `lr` and gradients multiplied by `gradient_scale` (clipping). A parameter
  // without a gradient is updated as if its gradient were zero: it decays, and so do its moments (nodes of a
  // tree that no token visited behave the same in the original).
  void step(double lr, double gradient_scale);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  // Whoever may write to the moments makes the next step look for those that are zero again.
  std::vector<AdamWSlot>& slots();
  const std::vector<AdamWSlot>& slots() const { return slots_; }

 private:
  AdamWOptions options_;
  std::vector<AdamWSlot> slots_;
  // By slot, 1 for each row whose moments are zero: nothing has ever come to it, and it only decays. Empty
  // where that is not known. Only looked at where a gradient tells of rows of zeros.
  std::vector<PoolVector<char>> resting_;
  std::int64_t steps_ = 0;
};

}  // namespace espalier::optim
