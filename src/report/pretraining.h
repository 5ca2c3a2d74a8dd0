// What metrics.jsonl of a pretraining holds, in bounded memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "espalier/train/pretrain_metrics.h"
#include "report/curve.h"
#include "report/run_folder.h"

namespace espalier::report {

// Of the training itself, after every log.steps updates.
struct StepCurves {
  Curve loss, accuracy, learning_rate, grad_norm, batch_size, tokens_per_s, rss;
  Curve temperature, entropy, entropy_weight, epsilon, surviving_nodes,
      dropped_mass;  // empty where routing is hard
};

// Of the held-out text.
struct EvaluationCurves {
  Curve loss, accuracy, soft, soft_temperature0, unigram, gap;
  Curve hidden_error, kl_divergence;           // of a distillation ...
  std::map<std::int64_t, Curve> layer_errors;  // ... and of each of its new layers
};

struct TimedEvaluation {
  std::int64_t step = 0;
  double tokens = 0, seconds = 0;
  std::optional<train::EvaluationScores> scores;
  std::optional<train::DistillScores> distilled;

  const std::vector<train::TreeScores>& trees() const {
    return scores ? scores->routing : distilled->routing;
  }
};

struct Pretraining {
  RunFolder run;
  StepCurves steps;
  EvaluationCurves held_out;
  Thinned<TimedEvaluation> evaluations;
  std::vector<train::TreeScores> visited;  // of the last evaluation whose trees have visits
  std::int64_t step = 0;                   // of the last line
  double tokens = 0, seconds = 0;
  std::optional<double> budget_used;  // share, where config.yaml tells
  bool distillation = false;

  bool has_trees() const {
    return !evaluations.items().empty() && !evaluations.items().back().trees().empty();
  }
};

Pretraining read_pretraining(RunFolder run);

}  // namespace espalier::report
