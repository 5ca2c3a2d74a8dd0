#include "train/finetune_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "data/table_writer.h"
#include "espalier/base/log.h"
#include "espalier/io/text_file.h"
#include "espalier/metrics/interval.h"
#include "model/metrics_history.h"

namespace espalier::train {
namespace {

metrics::Interval interval_of(const FinetuneRun& run, const std::string& metric,
                              const metrics::Predictions& p) {
  metrics::BootstrapOptions options;
  options.resamples = static_cast<int>(run.config.bootstrap);
  options.seed = run.config.seed;
  return metrics::bootstrap_interval(metric, p, options);
}

// " (`normal`)"; of many the first.
std::string names_of(const FinetuneRun& run, const std::vector<std::int32_t>& classes) {
  constexpr std::size_t kListed = 5;
  std::string names;
  for (std::size_t i = 0; i < classes.size() && i < kListed; ++i)
    names += fmt::format("{}`{}`", i == 0 ? "" : ", ", run.data.train.labels.name(classes[i]));
  if (classes.size() > kListed) names += fmt::format(" and {} more", classes.size() - kListed);
  return names.empty() ? "" : " (" + names + ")";
}

// The only class that was predicted, where the rows have several.
std::optional<std::int32_t> only_class(const metrics::Predictions& p) {
  const auto constant = [](const std::vector<std::int32_t>& classes) {
    return std::all_of(classes.begin(), classes.end(),
                       [&](std::int32_t one) { return one == classes.front(); });
  };
  if (p.classes.empty() || !constant(p.classes) || constant(p.true_classes)) return std::nullopt;
  return p.classes.front();
}

void score_set(const FinetuneRun& run, std::size_t index, EpochScore& result) {
  const EvaluationSet& set = run.data.evaluation[index];
  const SetPredictions& rows = result.rows[index];
  SetScores scores{.suffix = set.suffix, .loss = rows.loss};
  const std::size_t warnings = result.warnings.size();
  for (const std::string& name : run.data.metrics) {
    const metrics::MetricValue metric = metrics::compute_metric(name, rows.predictions);
    if (!metric.warning.empty()) {
      result.warnings.push_back(
          fmt::format("{}{}: {}{}", name, set.suffix, metric.warning, names_of(run, metric.classes)));
    }
    scores.metrics.push_back({name, metric.value, {}});
    if (run.config.bootstrap > 0) {
      scores.metrics.back().interval = interval_of(run, name, rows.predictions);
    }
    if (index == 0 && name == run.data.metrics[0]) {
      result.primary = metrics::higher_is_better(name) ? metric.value : -metric.value;
    }
  }
  if (const auto only = only_class(rows.predictions); only && result.warnings.size() == warnings) {
    result.warnings.push_back(fmt::format("{}{}: only one class was predicted{}", run.data.metrics[0],
                                          set.suffix, names_of(run, {*only})));
  }
  scores.samples = static_cast<std::int64_t>(set.data.rows.size());
  result.sets.push_back(std::move(scores));
}

std::string predictions_text(const FinetuneRun& run, const EvaluationSet& set, const SetPredictions& rows) {
  const bool regression = run.data.train.regression;
  std::string text;
  const auto write = [&](const std::vector<std::string>& fields) {
    data::append_table_line(data::TableFormat::kTsv, fields, "a row of the predictions", text);
  };
  std::vector<std::string> header = {"index", "line", "label", "prediction"};
  if (!regression) header.emplace_back("probability");
  write(header);
  for (std::size_t i = 0; i < set.data.rows.size(); ++i) {
    std::vector<std::string> fields = {std::to_string(i), std::to_string(set.data.rows[i].line)};
    if (regression) {
      // They are floats; as doubles they would show digits that mean nothing.
      for (const double value : {rows.predictions.true_values[i], rows.predictions.values[i]}) {
        fields.push_back(fmt::format("{}", static_cast<float>(value)));
      }
    } else {
      const data::LabelSet& labels = run.data.train.labels;
      fields.push_back(labels.name(rows.predictions.true_classes[i]));
      fields.push_back(labels.name(rows.predictions.classes[i]));
      fields.push_back(fmt::format("{:.6f}", rows.confidence[i]));
    }
    write(fields);
  }
  return text;
}

}  // namespace

EpochScore evaluate(FinetuneRun& run) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  EpochScore result;
  for (std::size_t i = 0; i < run.evaluation.size(); ++i) {
    result.rows.push_back(run.score(run.evaluation[i]));
    score_set(run, i, result);
  }
  for (const std::string& warning : result.warnings) log_warning(warning);
  run.state.eval_seconds += std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

void write_predictions(const FinetuneRun& run, const EpochScore& score, bool best) {
  for (std::size_t i = 0; i < score.rows.size(); ++i) {
    const EvaluationSet& set = run.data.evaluation[i];
    const std::string text = predictions_text(run, set, score.rows[i]);
    const auto write = [&](const char* name) {
      io::write_text_atomically(run.directory.path() / fmt::format("{}{}.tsv", name, set.suffix), text);
    };
    write("predictions_dev");
    if (best) write("predictions_best_dev");
  }
}

void log_evaluation(FinetuneRun& run, const EpochScore& score, bool best) {
  run.directory.log(
      io::to_json(FinetuneEvaluation{run.state.step, run.epoch(), score.sets, best, score.warnings}));
}

std::vector<FinetuneEvaluation> logged_evaluations(const FinetuneRun& run) {
  FinetuneEvaluation names;
  for (const EvaluationSet& set : run.data.evaluation) {
    names.sets.push_back({.suffix = set.suffix});
    for (const std::string& name : run.data.metrics) names.sets.back().metrics.push_back({.name = name});
  }
  const std::string where = (run.directory.path() / "metrics.jsonl").string();
  std::vector<FinetuneEvaluation> evaluations;
  for (const io::Json& line : model::evaluations_of(run.directory.metrics())) {
    evaluations.push_back(io::from_json(io::JsonView(line, where), names));
  }
  return evaluations;
}

}  // namespace espalier::train
