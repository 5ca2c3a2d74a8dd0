// What a fine-tuning writes of itself: the lines of metrics.jsonl, and *_results.json with Hugging Face's
// names.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "espalier/io/json_fields.h"
#include "espalier/metrics/interval.h"

namespace espalier::train {

struct MetricScore {
  std::string name;  // of metrics/metrics.h
  double value = std::numeric_limits<double>::quiet_NaN();
  std::optional<metrics::Interval> interval = {};  // 95 %, by bootstrap; none where eval.bootstrap is 0
};

// The scores on one evaluation set: eval_loss, eval_METRIC, eval_METRIC_interval ([low, high]) and
// eval_samples, each with the set's suffix. What is not defined is NaN, in files null.
struct SetScores {
  std::string suffix;  // "", or "_mm" of a second set
  double loss = std::numeric_limits<double>::quiet_NaN();
  std::vector<MetricScore> metrics = {};  // the task's, primary first
  std::int64_t samples = 0;
};
void describe(SetScores& set, io::JsonFields& fields);

// A line of metrics.jsonl after every log.steps updates.
struct FinetuneStep {
  std::int64_t step = 0;
  double epoch = 0;
  double loss = 0;
  double learning_rate = 0;
  double time = 0;                  // seconds of training, of all sittings
  std::vector<std::int64_t> lines;  // of the training file, in the step's batch; with log.lines
};
void describe(FinetuneStep& line, io::JsonFields& fields);

// The line of an evaluation. It is read into one whose sets and metrics have their names already.
struct FinetuneEvaluation {
  std::int64_t step = 0;
  double epoch = 0;
  std::vector<SetScores> sets;
  bool best = false;                  // so far
  std::vector<std::string> warnings;  // of degenerate scores
};
void describe(FinetuneEvaluation& line, io::JsonFields& fields);

// train_results.json.
struct TrainResults {
  double epoch = 0;
  double train_loss = 0;  // mean over all steps
  double train_runtime = 0;
  std::int64_t train_samples = 0;
  io::Named<io::Named<std::int64_t>> class_counts;  // {train: {CLASS: rows}, dev: ...}; of classes only
  double train_samples_per_second = 0;
  double train_steps_per_second = 0;
  std::int64_t train_tokens = 0;  // without padding
  double train_tokens_per_second = 0;
  double train_padding_share = 0;
};
void describe(TrainResults& results, io::JsonFields& fields);

// eval_results.json.
struct EvalResults {
  double epoch = 0;
  std::vector<SetScores> sets;
  double runtime = 0;
};
void describe(EvalResults& results, io::JsonFields& fields);

// all_results.json: the fields of both.
struct FinetuneResults {
  TrainResults train;
  EvalResults eval;
  std::vector<FinetuneEvaluation> evaluations;  // all that the run has logged; not in this file
};
void describe(FinetuneResults& results, io::JsonFields& fields);

}  // namespace espalier::train
