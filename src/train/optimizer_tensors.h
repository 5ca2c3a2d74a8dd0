// The optimizer's moments as tensors of a checkpoint, and back.
#pragma once

#include <string>
#include <vector>

#include "espalier/io/checkpoint.h"
#include "espalier/optim/optimizer.h"

namespace espalier::train {

// exp_avg.NAME and exp_avg_sq.NAME for every parameter of AdamW, momentum_buffer.NAME for those of Muon, as
// PyTorch calls them; memory is shared with the optimizer.
std::vector<io::NamedTensor> optimizer_tensors(const optim::Optimizer& optimizer);
// InputError naming `where` and the first tensor that is missing or has another shape.
void load_optimizer(optim::Optimizer& optimizer, const io::Checkpoint& checkpoint, const std::string& where);

}  // namespace espalier::train
