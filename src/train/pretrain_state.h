// Where a pretraining run stands, and how that goes into a checkpoint and back.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "espalier/config/pretrain_config.h"
#include "espalier/train/run_inputs.h"

namespace espalier::train {

struct PretrainState {
  std::int64_t step = 0;        // updates done
  std::int64_t micro_step = 0;  // forward passes done: the key of random draws
  std::int64_t sequences = 0;   // training sequences consumed: the data position
  std::int64_t tokens = 0;      // input tokens consumed
  double seconds = 0;           // wall time used by all sittings
  double best_loss = std::numeric_limits<double>::infinity();         // lowest hard evaluation loss
  double lowest_soft_loss = std::numeric_limits<double>::infinity();  // lowest soft evaluation loss
  std::string data_fingerprint;                                       // of the token store
  RunInputs inputs;                                                   // of `init`
};
void describe(PretrainState& state, io::JsonFields& fields);

// Used fraction of the budget, in [0, 1].
double used_fraction(const config::PretrainConfig& config, const PretrainState& state);

}  // namespace espalier::train
