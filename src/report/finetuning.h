// What a fine-tuning has written: metrics.jsonl and the predictions of its last evaluation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "espalier/config/finetune_config.h"
#include "espalier/train/finetune_results.h"
#include "report/curve.h"
#include "report/predictions.h"
#include "report/run_folder.h"

namespace espalier::report {

struct MetricCurve {
  std::string name, suffix;  // of metrics/metrics.h, and of the evaluation set
  Curve curve;
};

struct Finetuning {
  RunFolder run;
  config::TaskConfig task;
  std::string model;
  Curve loss, learning_rate;
  std::vector<MetricCurve> held_out_loss, metrics;  // metrics: the task's first one first
  Thinned<train::FinetuneEvaluation> evaluations;
  std::optional<train::FinetuneEvaluation> best;  // by itself: among many it need not be kept
  std::vector<PredictionSummary> predictions;
  std::int64_t step = 0;
  double epoch = 0, seconds = 0;
};

Finetuning read_finetuning(RunFolder run);

// "accuracy", and "accuracy, mismatched" of MNLI's second set.
std::string metric_title(const std::string& metric, const std::string& suffix);

}  // namespace espalier::report
