#include "train/optimizer_tensors.h"

#include <fmt/format.h>

#include <map>

#include "espalier/base/error.h"

namespace espalier::train {

std::vector<io::NamedTensor> optimizer_tensors(const optim::AdamW& optimizer) {
  std::vector<io::NamedTensor> tensors;
  for (const optim::AdamWSlot& slot : optimizer.slots()) {
    tensors.push_back({"exp_avg." + slot.name, slot.exp_avg});
    tensors.push_back({"exp_avg_sq." + slot.name, slot.exp_avg_sq});
  }
  return tensors;
}

void load_optimizer(optim::AdamW& optimizer, const io::Checkpoint& checkpoint, const std::string& where) {
  std::map<std::string, Tensor> by_name;
  for (const io::NamedTensor& tensor : checkpoint.optimizer) by_name[tensor.name] = tensor.value;
  const auto load = [&](const std::string& name, Tensor& target) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      throw InputError(
          fmt::format("{}: optimizer tensor `{}` is missing; resume needs a checkpoint of pretrain, use "
                      "init= to start from weights alone",
                      where, name));
    }
    if (found->second.shape() != target.shape()) {
      throw InputError(fmt::format("{}: optimizer tensor `{}` must be {}, got {}", where, name,
                                   target.shape().str(), found->second.shape().str()));
    }
    target.copy_from(found->second);
  };
  for (optim::AdamWSlot& slot : optimizer.slots()) {
    load("exp_avg." + slot.name, slot.exp_avg);
    load("exp_avg_sq." + slot.name, slot.exp_avg_sq);
  }
}

}  // namespace espalier::train
