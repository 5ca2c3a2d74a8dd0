#include "train/optimizer_tensors.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::train {
namespace {

optim::AdamW optimizer_of(const Variable& weight) {
  return optim::AdamW({{"head.weight", weight}}, {});
}

}  // namespace

TEST_CASE("the optimizer's tensors come back, and one that is missing or misshapen is named") {
  const Variable weight(Tensor::zeros({2, 3}), true);
  optim::AdamW saved = optimizer_of(weight);
  saved.slots()[0].exp_avg = testing::random_tensor({2, 3}, 1);
  saved.slots()[0].exp_avg_sq = testing::random_tensor({2, 3}, 2);
  io::Checkpoint checkpoint;
  checkpoint.optimizer = optimizer_tensors(saved);

  optim::AdamW loaded = optimizer_of(weight);
  load_optimizer(loaded, checkpoint, "a.h5");
  CHECK(loaded.slots()[0].exp_avg.to_vector() == saved.slots()[0].exp_avg.to_vector());
  CHECK(loaded.slots()[0].exp_avg_sq.to_vector() == saved.slots()[0].exp_avg_sq.to_vector());

  const auto error = [&] { return testing::error_of([&] { load_optimizer(loaded, checkpoint, "a.h5"); }); };
  checkpoint.optimizer[1].value = Tensor::zeros({3, 2});
  CHECK(error() == "a.h5: optimizer tensor `exp_avg_sq.head.weight` must be [2,3], got [3,2]");
  checkpoint.optimizer.clear();
  CHECK(error() ==
        "a.h5: optimizer tensor `exp_avg.head.weight` is missing; resume needs a checkpoint of pretrain, use "
        "init= to start from weights alone");
}

}  // namespace espalier::train
