#include "train/optimizer_tensors.h"

#include "espalier/io/tensor_match.h"

namespace espalier::train {

static constexpr io::TensorMessages kMomentMessages = {
    "{where}: optimizer tensor `{name}` is missing; resume needs a checkpoint that pretrain or finetune "
    "wrote on its way. Weights alone are for init= (pretrain) or model= (finetune)",
    "{where}: optimizer tensor `{name}` must be {shape}, got {found}"};

std::vector<io::NamedTensor> optimizer_tensors(const optim::Optimizer& optimizer) {
  std::vector<io::NamedTensor> tensors;
  for (const optim::AdamWSlot& slot : optimizer.adamw().slots()) {
    tensors.push_back({"exp_avg." + slot.name, slot.exp_avg});
    tensors.push_back({"exp_avg_sq." + slot.name, slot.exp_avg_sq});
  }
  for (const optim::MuonSlot& slot : optimizer.muon().slots())
    tensors.push_back({"momentum_buffer." + slot.name, slot.momentum});
  return tensors;
}

void load_optimizer(optim::Optimizer& optimizer, const io::Checkpoint& checkpoint, const std::string& where) {
  io::TensorMatch match(checkpoint.optimizer, where, kMomentMessages);
  for (optim::AdamWSlot& slot : optimizer.adamw().slots()) {
    slot.exp_avg.copy_from(match.take("exp_avg." + slot.name, slot.exp_avg.shape()));
    slot.exp_avg_sq.copy_from(match.take("exp_avg_sq." + slot.name, slot.exp_avg_sq.shape()));
  }
  for (optim::MuonSlot& slot : optimizer.muon().slots())
    slot.momentum.copy_from(match.take("momentum_buffer." + slot.name, slot.momentum.shape()));
}

}  // namespace espalier::train
