// Muon: momentum whose update of a matrix is its orthogonal factor (Jordan et al., "Muon: an optimizer for
// hidden layers in neural networks", 2024), scaled to the size of AdamW's (Liu et al., arXiv 2502.16982), as
// torch.optim.Muon computes it with `match_rms_adamw`.
#pragma once

#include <vector>

#include "espalier/nn/module.h"

namespace espalier::optim {

struct MuonOptions {
  double momentum = 0.95;  // Nesterov's
  double weight_decay = 0.01;
  // Factors of the products in bfloat16, as the original's. By default where the machine has instructions for
  // it; elsewhere float32 is faster.
  bool bfloat16 = bfloat16_is_fast();

  static bool bfloat16_is_fast();
};

// A weight with its momentum.
struct MuonSlot {
  std::string name;
  Variable parameter;
  nn::RowTurns turns;  // the matrices that it holds, each of which has an update of its own
  Tensor momentum;
};

class Muon {
 public:
  // Of weights [rows, columns], all of which decay. Momentum starts at zero. Weights that require no gradient
  // (frozen ones) are left out; one that is frozen later rests, and so does its momentum, until it learns
  // again.
  Muon(std::vector<nn::NamedParameter> weights, const MuonOptions& options);

  // One update with learning rate `lr` and gradients multiplied by `gradient_scale` (clipping). A weight
  // without a gradient is updated as if that were zero. Parallel over matrices.
  void step(double lr, double gradient_scale);

  std::vector<MuonSlot>& slots() { return slots_; }
  const std::vector<MuonSlot>& slots() const { return slots_; }

 private:
  MuonOptions options_;
  std::vector<MuonSlot> slots_;
};

}  // namespace espalier::optim
