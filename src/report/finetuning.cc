#include "report/finetuning.h"

#include <algorithm>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/data/glue.h"
#include "espalier/metrics/metrics.h"
#include "glue/table.h"
#include "report/run_clock.h"

namespace espalier::report {
namespace {

// The sets and metrics that a line has, in the task's order: of a GLUE task its own first.
train::FinetuneEvaluation names_in(const io::JsonView& line, const std::string& task) {
  std::vector<std::string> known = metrics::metric_names();
  if (data::is_glue_task(task)) {
    const std::string first = data::find_glue_task(task).metrics[0];
    std::stable_partition(known.begin(), known.end(), [&](const std::string& name) { return name == first; });
  }
  train::FinetuneEvaluation names;
  const auto is_there = [&](const std::string& name) {
    return line.json().contains(metrics::kEvaluationPrefix + name);
  };
  for (const char* suffix : {"", "_mm"}) {
    if (!is_there(std::string("loss") + suffix)) continue;
    names.sets.push_back({.suffix = suffix});
    for (const std::string& name : known) {
      if (is_there(name + suffix)) names.sets.back().metrics.push_back({.name = name});
    }
  }
  return names;
}

Curve& curve_in(std::vector<MetricCurve>& curves, const std::string& name, const std::string& suffix) {
  const auto found = std::find_if(curves.begin(), curves.end(),
                                  [&](const MetricCurve& c) { return c.name == name && c.suffix == suffix; });
  if (found != curves.end()) return found->curve;
  return curves.emplace_back(MetricCurve{name, suffix, {}}).curve;
}

void add_scores(train::FinetuneEvaluation evaluation, double seconds, Finetuning& history) {
  for (const train::SetScores& set : evaluation.sets) {
    curve_in(history.held_out_loss, "loss", set.suffix).add({evaluation.epoch, seconds, set.loss});
    for (const train::MetricScore& metric : set.metrics) {
      curve_in(history.metrics, metric.name, set.suffix).add({evaluation.epoch, seconds, metric.value});
    }
  }
  if (evaluation.best) history.best = evaluation;
  history.evaluations.add(std::move(evaluation));
}

}  // namespace

Finetuning read_finetuning(RunFolder run) {
  Finetuning history;
  const auto config = config_or_note<config::FinetuneConfig>(run);
  history.task = config.task;
  history.model = config.model;
  RunClock clock;
  for_each_metrics_line(run, "metrics.jsonl", [&](const io::JsonView& line, bool is_evaluation) {
    if (is_evaluation) {
      const auto evaluation = io::from_json(line, names_in(line, config.task.name));
      history.step = evaluation.step;
      history.epoch = evaluation.epoch;
      add_scores(evaluation, clock.at(evaluation.step), history);
      return;
    }
    const auto step = io::from_json<train::FinetuneStep>(line);
    clock.see(step.step, step.time);
    history.step = step.step;
    history.epoch = step.epoch;
    history.seconds = step.time;
    history.loss.add({step.epoch, step.time, step.loss});
    history.learning_rate.add({step.epoch, step.time, step.learning_rate});
  });
  note_lost_lines(run);
  history.predictions = read_predictions({run.path}, config.task);
  history.run = std::move(run);
  return history;
}

std::string metric_title(const std::string& metric, const std::string& suffix) {
  return glue::metric_title(metric) + (suffix == "_mm" ? ", mismatched" : "");
}

}  // namespace espalier::report
