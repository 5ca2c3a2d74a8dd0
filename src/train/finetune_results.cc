#include "espalier/train/finetune_results.h"

#include "espalier/metrics/metrics.h"

namespace espalier::io {

template <>
struct JsonForm<metrics::Interval> {
  static Json write(const metrics::Interval& interval) {
    return to_json(std::vector<double>{interval.low, interval.high});
  }
  static void read(const JsonView& view, metrics::Interval& interval) {
    interval.low = interval.high = std::numeric_limits<double>::quiet_NaN();
    JsonForm<double>::read(view.at(0), interval.low);
    JsonForm<double>::read(view.at(1), interval.high);
  }
};

}  // namespace espalier::io

namespace espalier::train {

void describe(SetScores& set, io::JsonFields& fields) {
  io::JsonFields scores = fields.with_prefix(metrics::kEvaluationPrefix);
  scores.add("loss" + set.suffix, set.loss);
  for (MetricScore& metric : set.metrics) {
    scores.add(metric.name + set.suffix, metric.value);
    scores.add_unless_empty(metric.name + set.suffix + "_interval", metric.interval);
  }
  scores.add("samples" + set.suffix, set.samples);
}

void describe(FinetuneStep& line, io::JsonFields& fields) {
  fields.add("step", line.step);
  fields.add("epoch", line.epoch);
  fields.add("loss", line.loss);
  fields.add("learning_rate", line.learning_rate);
  fields.add("time", line.time);
  fields.add_unless_empty("lines", line.lines);
}

void describe(FinetuneEvaluation& line, io::JsonFields& fields) {
  fields.add("step", line.step);
  fields.add("epoch", line.epoch);
  for (SetScores& set : line.sets) describe(set, fields);
  fields.add("best", line.best);
  fields.add_unless_empty("warnings", line.warnings);
}

void describe(TrainResults& results, io::JsonFields& fields) {
  fields.add("epoch", results.epoch);
  fields.add("train_loss", results.train_loss);
  fields.add("train_runtime", results.train_runtime);
  fields.add("train_samples", results.train_samples);
  fields.add_unless_empty("class_counts", results.class_counts);
  fields.add("train_samples_per_second", results.train_samples_per_second);
  fields.add("train_steps_per_second", results.train_steps_per_second);
  fields.add("train_tokens", results.train_tokens);
  fields.add("train_tokens_per_second", results.train_tokens_per_second);
  fields.add("train_padding_share", results.train_padding_share);
}

void describe(EvalResults& results, io::JsonFields& fields) {
  fields.add("epoch", results.epoch);
  for (SetScores& set : results.sets) describe(set, fields);
  fields.with_prefix(metrics::kEvaluationPrefix).add("runtime", results.runtime);
}

void describe(FinetuneResults& results, io::JsonFields& fields) {
  describe(results.train, fields);
  describe(results.eval, fields);
}

}  // namespace espalier::train
