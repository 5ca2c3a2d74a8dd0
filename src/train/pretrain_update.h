// One update of a pretraining run: its plan, then forward, backward, clipping and the optimizer's step.
#pragma once

#include <cstdint>

#include "train/pretrain_run.h"

namespace espalier::train {

// Everything an update needs to know, from the used fraction of the budget before it.
struct UpdatePlan {
  double lr = 0;
  std::int64_t sequences = 0;
  RoutingState routing;
};
UpdatePlan plan_update(const config::PretrainConfig& config, double t);

// What an update leaves for the log.
struct UpdateResult {
  double loss = 0;     // mean cross entropy
  double entropy = 0;  // mean decision entropy, where it is in the loss
  double accuracy = 0;
  double norm = 0;  // of the gradient, before clipping
  ops::LayerStatistics trees;
};

// Makes the update and counts it in run.state. RunError, with nothing applied, if the loss or a gradient is
// not finite. After the first few updates of a shape it asks the system for no memory.
UpdateResult update(PretrainRun& run, const UpdatePlan& plan, bool statistics);

}  // namespace espalier::train
