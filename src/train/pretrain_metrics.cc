#include "espalier/train/pretrain_metrics.h"

#include "espalier/metrics/metrics.h"

namespace espalier::train {

void describe(PretrainStep& line, io::JsonFields& fields) {
  fields.add("step", line.step);
  fields.add("tokens", line.tokens);
  fields.add("epoch", line.epoch);
  fields.add("loss", line.loss);
  fields.add_unless_empty("accuracy", line.accuracy);
  fields.add("learning_rate", line.learning_rate);
  fields.add("batch_size", line.batch_size);
  fields.add("grad_norm", line.grad_norm);
  fields.add_unless_empty("temperature", line.temperature);
  fields.add_unless_empty("entropy", line.entropy);
  fields.add_unless_empty("entropy_weight", line.entropy_weight);
  fields.add_unless_empty("epsilon", line.epsilon);
  fields.add_unless_empty("surviving_nodes", line.surviving_nodes);
  fields.add_unless_empty("dropped_mass", line.dropped_mass);
  fields.add("time", line.time);
  fields.add("tokens_per_s", line.tokens_per_s);
  fields.add("rss", line.rss);
}

void describe(PretrainEvaluation& line, io::JsonFields& fields) {
  fields.add("step", line.step);
  fields.add("tokens", line.tokens);
  fields.add_unless_empty("time", line.time);
  io::JsonFields scores = fields.with_prefix(metrics::kEvaluationPrefix);
  describe(line.scores, scores);
  scores.add_unless_empty("lowest_soft_loss", line.lowest_soft_loss);
}

void describe(DistillScores& scores, io::JsonFields& fields) {
  fields.add("layers", scores.layers);
  fields.add("layer_errors", scores.layer_errors);
  fields.add("hidden_error", scores.hidden_error);
  fields.add_unless_empty("kl_divergence", scores.kl_divergence);
  fields.add("routing", scores.routing);
}

void describe(DistillEvaluation& line, io::JsonFields& fields) {
  fields.add("step", line.step);
  fields.add("tokens", line.tokens);
  fields.add_unless_empty("time", line.time);
  io::JsonFields scores = fields.with_prefix(metrics::kEvaluationPrefix);
  describe(line.scores, scores);
}

}  // namespace espalier::train
