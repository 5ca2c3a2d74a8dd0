// The evaluations of a pretraining on the way and at its end.
#pragma once

#include "train/pretrain_run.h"

namespace espalier::train {

// Evaluates, logs the result and notes whether it is the best so far.
void evaluate_and_log(PretrainRun& run);

}  // namespace espalier::train
