// What a classifier says about the rows of a data set.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "espalier/data/labelled_loader.h"
#include "espalier/metrics/metrics.h"

namespace espalier::train {

struct SetPredictions {
  double loss = 0;  // mean over the rows
  metrics::Predictions predictions;
  std::vector<double> confidence;  // probability of the predicted class; empty for regressions
};

struct BatchResult {
  double loss = 0;  // mean over the rows of the batch
  Tensor logits;    // [B, classes], or [B, 1] of a regression
};

// `batches` are those of `data`. They are shared among the processes; sums and predictions are the same for
// any number of them. `compute`, with no gradients recorded, is told the share that is done with its batch. A
// signal ends it between two batches with Interrupted: `stopped`.
SetPredictions predict_rows(
    const data::LabelledData& data, data::LabelledLoader& batches, const std::string& stopped,
    const std::function<BatchResult(const data::LabelledBatch& batch, double done)>& compute);

}  // namespace espalier::train
