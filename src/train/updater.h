// The update: forward and backward pass, decision entropy, finiteness, clipping and the optimizer's step.
// Whatever trains a model trains it here; batches, the loss and the words of failures are the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "espalier/base/parallel.h"
#include "espalier/config/pretrain_config.h"
#include "espalier/nn/context.h"
#include "espalier/optim/optimizer.h"
#include "espalier/processes/summation_tree.h"
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

// The sequences of an update in groups, as even as can be; and these groups in runs, the gradient groups,
// which processes share. Both are units of summation: the bits of the gradient depend on them.
struct SequenceGroups {
  std::int64_t first = 0;
  std::int64_t sequences = 1;
  std::int64_t count = 1;  // of groups
  bool separable = true;   // the loss of each sequence alone can be asked for, and so who spoils the update
  std::int64_t gradient_groups = 1;

  // A batch that has a loss only as a whole, or only in the parts of its gradient groups.
  static SequenceGroups whole(std::int64_t sequences, std::int64_t gradient_groups = 1);
  // Groups of `longest` sequences at most, in so many gradient groups, or as many as there are sequences for.
  // 0: in 8, or the largest power of two that leaves each a whole group.
  static SequenceGroups cut(std::int64_t first, std::int64_t sequences, std::int64_t longest,
                            std::int64_t gradient_groups);
  SequenceGroup group(std::int64_t index) const;
  // Of a gradient group: its groups.
  processes::Range groups_of(std::int64_t gradient_group) const;
};

// What a group gives: its part of the loss, the sum over the group / the count over which the loss is the
// mean, that of `group.of` sequences, so that parts add up to the loss of the update; and how many of its
// predictions are right, where anybody asks.
struct GroupResult {
  GroupResult(Variable part_of_loss, std::int64_t right = 0)  // NOLINT: a loss alone will do
      : loss(std::move(part_of_loss)), correct(right) {}
  Variable loss;
  std::int64_t correct = 0;
};
using GroupLoss = FunctionRef<GroupResult(const SequenceGroup& group, nn::ForwardContext& context)>;

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
  std::int64_t correct = 0;      // predictions
  double norm = 0;               // of the gradient, before clipping
  ops::LayerStatistics trees;    // where the plan asks for them
  double optimizer_seconds = 0;  // norm, clipping and step
  bool abandoned = false;        // a signal came: nothing was applied, and the rest says nothing
};

class Updater {
 public:
  // `model` must outlive the updater. All processes of a run make theirs at the same point.
  Updater(nn::Module& model, const UpdaterOptions& options);

  // What decides in these trees does not learn from here on.
  void freeze(FrozenDecisions decisions) { frozen_ = std::move(decisions); }

  // One update, shared with the other processes of the run. NotFinite, with nothing applied, if the objective
  // of a group or the gradient is not finite. A signal to any of the processes (interrupt_signal()) abandons
  // it between two groups: whoever asks a run to stop gives it seconds, and an update may take more. After
  // the first few updates of a shape it asks the system for no memory.
  UpdateResult update(const SequenceGroups& groups, GroupLoss loss, const UpdatePlan& plan);

  // Of a gradient group.
  struct Sums;

  // Its moments and its count of steps belong into checkpoints.
  optim::Optimizer& optimizer() { return optimizer_; }

 private:
  struct Pass;
  Sums gradient_group(std::int64_t index, const SequenceGroups& groups, GroupLoss loss,
                      const UpdatePlan& plan);
  static UpdateResult add_up(const PoolVector<Sums>& own);
  Pass forward(const SequenceGroup& group, GroupLoss loss, const UpdatePlan& plan, std::int64_t number,
               ops::LayerStatistics* statistics = nullptr) const;
  [[noreturn]] void fail(const std::string& quantity, const SequenceGroups& groups, GroupLoss loss,
                         const UpdatePlan& plan) const;

  nn::Module& model_;
  UpdaterOptions options_;
  optim::Optimizer optimizer_;
  GradientSum sum_;
  FrozenDecisions frozen_;
};

}  // namespace espalier::train
