// The update: forward and backward pass, decision entropy, finiteness, clipping and AdamW. Whatever trains a
// model trains it here; batches, the loss and the words of failures are the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "espalier/base/parallel.h"
#include "espalier/config/pretrain_config.h"
#include "espalier/nn/context.h"
#include "espalier/optim/adamw.h"
#include "espalier/train/routing_schedule.h"
#include "train/frozen_decisions.h"
#include "train/gradient_sum.h"

namespace espalier::train {

// Sequences that go forward and backward together.
struct SequenceGroup {
  std::int64_t first = 0;      // number of the first
  std::int64_t sequences = 0;  // first, first + 1 ...
  std::int64_t of = 0;         // as many as the loss is the mean over: those of the whole update

  double share() const { return static_cast<double>(sequences) / static_cast<double>(of); }
};

// The sequences of an update in groups of `size`, the last one of what is left. Groups are the unit of
// summation: the bits of the gradient depend on their size.
struct SequenceGroups {
  std::int64_t first = 0;
  std::int64_t sequences = 1;
  std::int64_t size = 1;
  bool separable = true;  // the loss of each sequence alone can be asked for, and so who spoils the update

  // A batch that has a loss only as a whole.
  static SequenceGroups whole(std::int64_t sequences);
  std::int64_t count() const { return (sequences + size - 1) / size; }
  SequenceGroup group(std::int64_t index) const;
};

// The group's part of the loss: its sum over the group / the count over which it is the mean, that of
// `group.of` sequences. Parts add up to the loss of the update.
using GroupLoss = FunctionRef<Variable(const SequenceGroup& group, nn::ForwardContext& context)>;

struct UpdaterOptions {
  config::OptimizerConfig optimizer;  // its `lr` is not looked at: the plan's is that of the moment
  std::uint64_t seed = 0;             // of the random draws
  bool dropout = false;
};

// Where the schedules stand.
struct UpdatePlan {
  double lr = 0;
  RoutingState routing;
  std::int64_t pass = 0;    // forward passes done before, one a group: with the seed the key of random draws
  bool statistics = false;  // gather those of the trees
};

struct UpdateResult {
  double loss = 0;               // without entropy
  double entropy = 0;            // mean decision entropy, where it is in the objective
  double norm = 0;               // of the gradient, before clipping
  ops::LayerStatistics trees;    // where the plan asks for them
  double optimizer_seconds = 0;  // norm, clipping and AdamW
};

class Updater {
 public:
  // `model` must outlive the updater.
  Updater(nn::Module& model, const UpdaterOptions& options);

  // What decides in these trees does not learn from here on.
  void freeze(FrozenDecisions decisions) { frozen_ = std::move(decisions); }

  // One update. NotFinite, with nothing applied, if the objective of a group or the gradient is not finite.
  // After the first few updates of a shape it asks the system for no memory.
  UpdateResult update(const SequenceGroups& groups, GroupLoss loss, const UpdatePlan& plan);

  // Its moments and its count of steps belong into checkpoints.
  optim::AdamW& optimizer() { return optimizer_; }

 private:
  struct Pass;
  Pass forward(const SequenceGroup& group, GroupLoss loss, const UpdatePlan& plan, std::int64_t number,
               ops::LayerStatistics* statistics = nullptr) const;
  [[noreturn]] void fail(const std::string& quantity, const SequenceGroups& groups, GroupLoss loss,
                         const UpdatePlan& plan) const;

  nn::Module& model_;
  UpdaterOptions options_;
  optim::AdamW optimizer_;
  GradientSum sum_;
  FrozenDecisions frozen_;
};

}  // namespace espalier::train
