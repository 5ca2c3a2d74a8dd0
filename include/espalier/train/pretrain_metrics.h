// The lines of metrics.jsonl that a pretraining writes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "espalier/io/json_fields.h"
#include "espalier/train/evaluator.h"

namespace espalier::train {

// After every log.steps updates: the last one, and the time since the line before.
struct PretrainStep {
  std::int64_t step = 0;
  std::int64_t tokens = 0;  // consumed so far
  double epoch = 0;
  double loss = 0;
  std::optional<double> accuracy;  // of the predictions; not of a distillation
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
  std::optional<double> time = {};         // seconds used by all sittings before it
};
void describe(PretrainEvaluation& line, io::JsonFields& fields);

// What a student of `distill.layers` keeps of its teacher, by hard routing.
struct DistillScores {
  std::vector<std::int64_t> layers;
  // |y - y'| / |y| over all tokens and outputs, of each new layer by itself on the teacher's inputs ...
  std::vector<double> layer_errors;
  double hidden_error = 0;              // ... and of the last hidden states of the whole student
  std::optional<double> kl_divergence;  // of its predictions, nats; where the teacher has a masked-LM head
  std::vector<TreeScores> routing;      // one a tree layer
};
void describe(DistillScores& scores, io::JsonFields& fields);

// An evaluation of a distillation; its scores have the prefix "eval_".
struct DistillEvaluation {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  DistillScores scores;
  std::optional<double> time = {};  // as above
};
void describe(DistillEvaluation& line, io::JsonFields& fields);

}  // namespace espalier::train
