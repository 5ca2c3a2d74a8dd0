// The scores of a set of predictions, and what is odd about them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/data/labels.h"
#include "espalier/metrics/metrics.h"
#include "espalier/train/finetune_results.h"

namespace espalier::train {

struct ScoreOptions {
  std::vector<std::string> metrics;  // the first is the task's
  std::string suffix;                // of the set
  std::int64_t resamples = 1000;     // of the intervals, always the same ones; 0: none
};

// `loss` is the mean over the rows. Appends to `warnings` "f1: no row was predicted positive: F1 is 0
// (`yes`)" and the like, and that of several classes one alone was predicted.
SetScores score_predictions(const metrics::Predictions& predictions, double loss,
                            const data::LabelSet& labels, const ScoreOptions& options,
                            std::vector<std::string>& warnings);

}  // namespace espalier::train
