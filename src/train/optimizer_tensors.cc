#include "train/optimizer_tensors.h"

#include "espalier/io/tensor_match.h"

namespace espalier::train {

static constexpr io::TensorMessages kMomentMessages = {
    "{where}: optimizer tensor `{name}` is missing; resume needs a checkpoint of pretrain, use init= to "
    "start "
    "from weights alone",
    "{where}: optimizer tensor `{name}` must be {shape}, got {found}"};

std::vector<io::NamedTensor> optimizer_tensors(const optim::AdamW& optimizer) {
  std::vector<io::NamedTensor> tensors;
  for (const optim::AdamWSlot& slot : optimizer.slots()) {
    tensors.push_back({"exp_avg." + slot.name, slot.exp_avg});
    tensors.push_back({"exp_avg_sq." + slot.name, slot.exp_avg_sq});
  }
  return tensors;
}

void load_optimizer(optim::AdamW& optimizer, const io::Checkpoint& checkpoint, const std::string& where) {
  io::TensorMatch match(checkpoint.optimizer, where, kMomentMessages);
  for (optim::AdamWSlot& slot : optimizer.slots()) {
    slot.exp_avg.copy_from(match.take("exp_avg." + slot.name, slot.exp_avg.shape()));
    slot.exp_avg_sq.copy_from(match.take("exp_avg_sq." + slot.name, slot.exp_avg_sq.shape()));
  }
}

}  // namespace espalier::train
