// What the processes of a run must agree on between updates, so that all take the same way.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/nn/module.h"
#include "espalier/ops/precision.h"
#include "espalier/optim/optimizer.h"

namespace espalier::train {

// What a process knows that others may not.
struct Wishes {
  double seconds = 0;  // of wall time; process 0's count
  int signal = 0;      // the signal to stop by; any process's
  bool save = false;   // a checkpoint is asked for (SIGUSR1); any process's
};
// The same in all processes.
Wishes agree(const Wishes& own);

// To be called after saving: waits until process 0 has, and ends with Interrupted, which says how to go on.
[[noreturn]] void end_saved(std::int64_t step, const std::string& how_to_continue, int signal);

// Interrupted, in all processes, if any of them was asked to stop; what() is `message`.
void leave_if_asked(const std::string& message = "stopped before the end of the evaluation");

// RunError, naming the step, if processes hold other weights than process 0: their hardware or their files
// differ.
void require_same_weights(nn::Module& model, std::int64_t step);

// Whether a training does, with Muon or in bf16.
bool computes_with_bfloat16(optim::OptimizerKind optimizer, ops::Precision precision);
// InputError if processes have other instructions for bfloat16, with which `who` computes ("train.optimizer:
// muon").
void require_same_bfloat16(const std::string& who);

// InputError if more processes were started than an update has gradient groups. `sequences`: those of an
// update.
void require_gradient_groups(std::int64_t groups, std::int64_t sequences);

}  // namespace espalier::train
