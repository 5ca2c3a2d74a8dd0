// Where a pretraining run stands, and how that goes into a checkpoint and back.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "espalier/config/pretrain_config.h"
#include "espalier/io/checkpoint.h"

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
  io::Json inputs = io::Json::object();  // of `init`, as train/run_inputs.h records them
};

io::Json to_json(const PretrainState& state);
// `where` names the checkpoint in messages.
PretrainState state_from_json(const io::Json& json, const std::string& where);

// Used fraction of the budget, in [0, 1].
double used_fraction(const config::PretrainConfig& config, const PretrainState& state);

}  // namespace espalier::train
