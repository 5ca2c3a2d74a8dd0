#include "report/pretraining.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "espalier/config/pretrain_config.h"
#include "espalier/metrics/metrics.h"
#include "report/run_clock.h"

namespace espalier::report {
namespace {

void add_step(const train::PretrainStep& line, StepCurves& curves) {
  const auto add = [&](Curve& curve, std::optional<double> value) {
    if (value) curve.add({static_cast<double>(line.tokens), line.time, *value});
  };
  add(curves.loss, line.loss);
  add(curves.accuracy, line.accuracy);
  add(curves.learning_rate, line.learning_rate);
  add(curves.grad_norm, line.grad_norm);
  add(curves.batch_size, static_cast<double>(line.batch_size));
  add(curves.tokens_per_s, line.tokens_per_s);
  add(curves.rss, static_cast<double>(line.rss));
  add(curves.temperature, line.temperature);
  add(curves.entropy, line.entropy);
  add(curves.entropy_weight, line.entropy_weight);
  add(curves.epsilon, line.epsilon);
  add(curves.surviving_nodes, line.surviving_nodes);
  add(curves.dropped_mass, line.dropped_mass);
}

void add_evaluation(const TimedEvaluation& evaluation, EvaluationCurves& curves) {
  const auto add = [&](Curve& curve, std::optional<double> value) {
    if (value) curve.add({evaluation.tokens, evaluation.seconds, *value});
  };
  if (evaluation.distilled) {
    add(curves.hidden_error, evaluation.distilled->hidden_error);
    add(curves.kl_divergence, evaluation.distilled->kl_divergence);
    const train::DistillScores& distilled = *evaluation.distilled;
    for (std::size_t i = 0; i < std::min(distilled.layers.size(), distilled.layer_errors.size()); ++i) {
      add(curves.layer_errors[distilled.layers[i]], distilled.layer_errors[i]);
    }
    return;
  }
  const train::EvaluationScores& scores = *evaluation.scores;
  add(curves.loss, scores.loss);
  add(curves.accuracy, scores.accuracy);
  add(curves.soft, scores.loss_soft);
  add(curves.soft_temperature0, scores.loss_soft_temperature0);
  add(curves.unigram, scores.unigram_loss);
  add(curves.gap, scores.hardening_gap);
}

// The scores of a masked LM, or of a distillation.
TimedEvaluation read_evaluation(const io::JsonView& line, const RunClock& clock) {
  const auto seconds = [&](const auto& read) { return read.time.value_or(clock.at(read.step)); };
  if (line.has(std::string(metrics::kEvaluationPrefix) + "hidden_error")) {
    const auto read = io::from_json<train::DistillEvaluation>(line);
    return {read.step, static_cast<double>(read.tokens), seconds(read), {}, read.scores};
  }
  const auto read = io::from_json<train::PretrainEvaluation>(line);
  return {read.step, static_cast<double>(read.tokens), seconds(read), read.scores, {}};
}

// They are many numbers: of the last evaluation alone.
void keep_visits(TimedEvaluation& evaluation, Pretraining& history) {
  std::vector<train::TreeScores>& layers =
      evaluation.scores ? evaluation.scores->routing : evaluation.distilled->routing;
  const bool whole = !layers.empty() && std::all_of(layers.begin(), layers.end(), [](const auto& layer) {
    return !layer.visits.empty() &&
           std::all_of(layer.visits.begin(), layer.visits.end(),
                       [](const auto& tree) { return std::has_single_bit(tree.size()); });
  });
  if (whole) history.visited = layers;
  for (train::TreeScores& layer : layers) layer.visits = {};
}

std::optional<double> used_share(const Pretraining& history, const config::BudgetConfig& budget) {
  if (budget.tokens > 0) return history.tokens / static_cast<double>(budget.tokens);
  if (budget.steps > 0) return static_cast<double>(history.step) / static_cast<double>(budget.steps);
  if (budget.minutes > 0) return history.seconds / 60 / budget.minutes;
  return std::nullopt;
}

}  // namespace

Pretraining read_pretraining(RunFolder run) {
  Pretraining history;
  RunClock clock;
  for_each_metrics_line(run, "metrics.jsonl", [&](const io::JsonView& line, bool is_evaluation) {
    if (is_evaluation) {
      TimedEvaluation evaluation = read_evaluation(line, clock);
      history.step = evaluation.step;
      history.tokens = evaluation.tokens;
      history.seconds = evaluation.seconds;
      add_evaluation(evaluation, history.held_out);
      keep_visits(evaluation, history);
      history.evaluations.add(std::move(evaluation));
      return;
    }
    const auto step = io::from_json<train::PretrainStep>(line);
    clock.see(step.step, step.time);
    history.step = step.step;
    history.tokens = static_cast<double>(step.tokens);
    history.seconds = step.time;
    add_step(step, history.steps);
  });
  note_lost_lines(run);
  const auto config = config_or_note<config::PretrainConfig>(run);
  history.run = std::move(run);
  history.budget_used = used_share(history, config.budget);
  history.distillation = !config.distill.layers.empty() || !history.held_out.hidden_error.empty();
  return history;
}

}  // namespace espalier::report
