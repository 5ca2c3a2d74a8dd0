// One update of a pretraining run: its plan, then the step itself.
#pragma once

#include <cstdint>
#include <optional>

#include "train/pretrain_run.h"

namespace espalier::train {

// What an update does, from the used fraction of the budget before it.
struct PretrainPlan {
  double used = 0;  // that fraction
  double lr = 0;
  std::int64_t sequences = 0;
  RoutingState routing;
};
PretrainPlan plan_update(const config::PretrainConfig& config, double t);
// routing_at() of a model with trees. Another routes nothing, whatever the routing keys say.
RoutingState routing_of(const config::PretrainConfig& config, double t);

// InputError if more processes were started than an update of train.batch_size sequences of this length has
// gradient groups.
void require_gradient_groups(const config::PretrainConfig& config, std::int64_t length);

// What an update leaves for the log.
struct PretrainResult {
  UpdateResult update;
  std::optional<double> accuracy;  // of the predictions; not of a distillation
};

// Makes the update and counts it in run.state. RunError, with nothing applied, if the loss or a gradient is
// not finite. After the first few updates of a shape it asks the system for no memory.
PretrainResult update(PretrainRun& run, const PretrainPlan& plan, bool statistics);

}  // namespace espalier::train
