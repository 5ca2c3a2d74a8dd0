#include "train/optimizer_tensors.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::train {
namespace {

// A weight of Muon, and one of AdamW.
optim::Optimizer optimizer_of(const Variable& hidden, const Variable& weight) {
  return {{{"up.weight", hidden, nn::ParameterRole::kHiddenMatrix}, {"head.weight", weight}},
          {.kind = optim::OptimizerKind::kMuon}};
}

}  // namespace

TEST_CASE("the optimizer's tensors come back, and one that is missing or misshapen is named") {
  const Variable hidden(Tensor::zeros({4, 2}), true), weight(Tensor::zeros({2, 3}), true);
  optim::Optimizer saved = optimizer_of(hidden, weight);
  saved.adamw().slots()[0].exp_avg = testing::random_tensor({2, 3}, 1);
  saved.adamw().slots()[0].exp_avg_sq = testing::random_tensor({2, 3}, 2);
  saved.muon().slots()[0].momentum = testing::random_tensor({4, 2}, 3);
  io::Checkpoint checkpoint;
  checkpoint.optimizer = optimizer_tensors(saved);

  optim::Optimizer loaded = optimizer_of(hidden, weight);
  load_optimizer(loaded, checkpoint, "a.h5");
  const optim::AdamWSlot &from = saved.adamw().slots()[0], &to = loaded.adamw().slots()[0];
  CHECK(to.exp_avg.to_vector() == from.exp_avg.to_vector());
  CHECK(to.exp_avg_sq.to_vector() == from.exp_avg_sq.to_vector());
  CHECK(loaded.muon().slots()[0].momentum.to_vector() == saved.muon().slots()[0].momentum.to_vector());

  const auto error = [&] { return testing::error_of([&] { load_optimizer(loaded, checkpoint, "a.h5"); }); };
  checkpoint.optimizer[1].value = Tensor::zeros({3, 2});
  CHECK(error() == "a.h5: optimizer tensor `exp_avg_sq.head.weight` must be [2,3], got [3,2]");
  checkpoint.optimizer = optimizer_tensors(saved);
  checkpoint.optimizer.pop_back();
  CHECK(error().starts_with("a.h5: optimizer tensor `momentum_buffer.up.weight` is missing"));
  checkpoint.optimizer.clear();
  CHECK(error() ==
        "a.h5: optimizer tensor `exp_avg.head.weight` is missing; resume needs a checkpoint that pretrain or "
        "finetune wrote on its way. Weights alone are for init= (pretrain) or model= (finetune)");
}

}  // namespace espalier::train
