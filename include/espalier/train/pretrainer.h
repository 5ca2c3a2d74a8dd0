// Masked-LM pretraining: the loop that turns a token store into a checkpoint.
#pragma once

#include <cstdint>
#include <optional>

#include "espalier/config/pretrain_config.h"
#include "espalier/train/pretrain_metrics.h"

namespace espalier::train {

struct PretrainSummary {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::optional<DistillScores> distilled;  // of the last evaluation, where distill.layers names some; else
  double loss_hard = 0;                    // of the last evaluation
  bool has_trees = false;
  double unigram_loss = 0;
  bool already_complete = false;  // the run had used its budget before
};

// Trains as `config` says and leaves a run directory. Continues the run that is there (resume: auto).
// Throws InputError for bad input, RunError when a loss or gradient is not finite (the step is not applied,
// and the last checkpoint stays) or a checkpoint cannot be written, Interrupted after saving on Ctrl-C or
// SIGTERM.
PretrainSummary pretrain(const config::PretrainConfig& config);

}  // namespace espalier::train
