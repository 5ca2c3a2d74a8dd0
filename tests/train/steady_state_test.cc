// A training step in steady state asks the system's allocator for nothing: data, forward and backward pass,
// clipping and the optimizer's step.
#include <doctest/doctest.h>

#include "espalier/base/log.h"
#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "tests/support/support.h"
#include "tests/train/allocation_support.h"
#include "tests/train/train_support.h"
#include "train/pretrain_update.h"

namespace espalier::train {
namespace {

using testing::AllocationCounts;

constexpr int kWarmUp = 6;
constexpr int kSteps = 5;

// So few nodes survive that the pruned form is chosen.
const std::vector<std::string> kPruned = {"arch.ffn.depth=5", "routing.mode=soft", "routing.epsilon=0.3"};

// Whether an update gathers what is logged.
enum class Statistics { kNo, kYes };

// Of kSteps updates after kWarmUp others, in the middle of the budget.
AllocationCounts steady_state(const std::vector<std::string>& overrides, Statistics statistics) {
  testing::TempDir dir;
  testing::write_tiny_store(dir.path() / "data");
  PretrainRun run(testing::tiny_pretrain(dir.path(), overrides));
  const auto updates = [&](int count) {
    for (int i = 0; i < count; ++i) update(run, plan_update(run.config, 0.5), statistics == Statistics::kYes);
  };
  updates(kWarmUp);
  const std::int64_t blocks = pool_statistics().system_allocations;
  testing::begin_counting_allocations();
  updates(kSteps);
  AllocationCounts counts = testing::end_counting_allocations();
  CHECK(pool_statistics().system_allocations == blocks);
  return counts;
}

void check(const std::string& name, const std::vector<std::string>& overrides,
           Statistics statistics = Statistics::kNo) {
  CAPTURE(name);
  const AllocationCounts counts = steady_state(overrides, statistics);
  CAPTURE(counts.first);
  CHECK(counts.ours == 0);
  MESSAGE(name << ": " << counts.libraries << " allocations by libraries in " << kSteps << " updates");
}

}  // namespace

TEST_CASE("the counter sees what is allocated") {
  if (!testing::can_count_allocations()) return;
  testing::begin_counting_allocations();
  int* volatile own = new int(1);  // volatile: a compiler may leave out an allocation that nobody looks at
  const AllocationCounts counts = testing::end_counting_allocations();
  delete own;
  CHECK(counts.ours == 1);
}

TEST_CASE("a training step in steady state allocates nothing") {
  if (!testing::can_count_allocations()) return;
  set_quiet(true);
  set_thread_count(1);  // with more, how much memory tasks hold at once depends on their timing
  check("dense", {"arch.ffn.type=dense", "arch.ffn.width=24"});
  check("dense, micro-batches, learned positions, rotary",
        {"arch.ffn.type=dense", "arch.ffn.width=24", "train.micro_batch=4",
         "arch.embedding.positions=learned", "arch.attention.rotary=true"});
  check("muon", {"train.optimizer=muon", "arch.ffn.type=dense", "arch.ffn.width=24"});
  check("hard tree", {});
  check("straight-through tree", {"routing.mode=straight_through"});
  check("straight-through forest", {"arch.ffn.trees=8", "arch.ffn.depth=1", "routing.mode=straight_through"});
  check("soft tree", {"routing.mode=soft"});
  check("pruned tree", kPruned);
  set_thread_count(available_cores());
}

TEST_CASE("a training step that gathers statistics allocates nothing in steady state") {
  if (!testing::can_count_allocations()) return;
  set_quiet(true);
  set_thread_count(1);
  check("hard tree", {}, Statistics::kYes);
  check("straight-through tree", {"routing.mode=straight_through"}, Statistics::kYes);
  check("soft tree", {"routing.mode=soft"}, Statistics::kYes);
  check("single neurons", {"arch.ffn.trees=24", "arch.ffn.depth=0", "routing.mode=soft"}, Statistics::kYes);
  check("annealed tree", {"routing.mode=anneal"}, Statistics::kYes);
  check("pruned tree", kPruned, Statistics::kYes);
  set_thread_count(available_cores());
}

TEST_CASE("a training step of leaf trees allocates nothing in steady state") {
  if (!testing::can_count_allocations()) return;
  set_quiet(true);
  set_thread_count(1);
  const auto with = [](std::vector<std::string> overrides) {
    overrides.insert(overrides.end(), {"arch.ffn.type=leaf_tree", "arch.ffn.leaf_width=3"});
    return overrides;
  };
  check("hard", with({}), Statistics::kYes);
  check("straight-through", with({"routing.mode=straight_through"}), Statistics::kYes);
  check("soft", with({"routing.mode=soft"}), Statistics::kYes);
  check("annealed", with({"routing.mode=anneal"}), Statistics::kYes);
  check("pruned", with(kPruned), Statistics::kYes);
  set_thread_count(available_cores());
}

}  // namespace espalier::train
