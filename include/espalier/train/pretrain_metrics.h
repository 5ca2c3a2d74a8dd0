// The lines of metrics.jsonl that a pretraining writes.
#pragma once

#include <cstdint>
#include <optional>

#include "espalier/io/json_fields.h"
#include "espalier/train/evaluator.h"

namespace espalier::train {

// After every log.steps updates: the last one, and the time since the line before.
struct PretrainStep {
  std::int64_t step = 0;
  std::int64_t tokens = 0;  // consumed so far
  double epoch = 0;
  double loss = 0;
  double accuracy = 0;
  double learning_rate = 0;
  std::int64_t batch_size = 0;        // sequences
  double grad_norm = 0;               // before clipping
  std::optional<double> temperature;  // unless routing is hard
  // Where routing is a mixture.
  std::optional<double> entropy, entropy_weight, epsilon;
  std::optional<double> surviving_nodes, dropped_mass;  // of a token, mean over the tree layers
  double time = 0;                                      // seconds used by all sittings
  double tokens_per_s = 0;
  std::int64_t rss = 0;  // bytes of resident memory
};
void describe(PretrainStep& line, io::JsonFields& fields);

// An evaluation's scores have the prefix "eval_".
struct PretrainEvaluation {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  EvaluationScores scores;
  std::optional<double> lowest_soft_loss;  // of all evaluations so far, where this one has a soft loss
};
void describe(PretrainEvaluation& line, io::JsonFields& fields);

}  // namespace espalier::train
