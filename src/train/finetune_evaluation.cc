#include "train/finetune_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "data/table_writer.h"
#include "espalier/base/log.h"
#include "espalier/io/text_file.h"
#include "espalier/metrics/interval.h"
#include "espalier/train/finetuner.h"

namespace espalier::train {
namespace {

io::Json interval_json(const FinetuneRun& run, const std::string& metric, const metrics::Predictions& p) {
  metrics::BootstrapOptions options;
  options.resamples = static_cast<int>(run.config.bootstrap);
  options.seed = run.config.seed;
  const metrics::BootstrapInterval interval = metrics::bootstrap_interval(metric, p, options);
  return {io::finite_or_null(interval.low), io::finite_or_null(interval.high)};
}

void score_set(const FinetuneRun& run, std::size_t index, EpochScore& result) {
  const EvaluationSet& set = run.data.evaluation[index];
  const SetScore& score = result.sets[index];
  result.json["eval_loss" + set.suffix] = score.loss;
  for (const std::string& name : run.data.metrics) {
    const metrics::MetricValue metric = metrics::compute_metric(name, score.predictions);
    if (!metric.warning.empty()) {
      result.warnings.push_back(fmt::format("{}{}: {}", name, set.suffix, metric.warning));
    }
    const std::string key = "eval_" + name + set.suffix;
    result.json[key] = io::finite_or_null(metric.value);
    if (run.config.bootstrap > 0) {
      result.json[key + "_interval"] = interval_json(run, name, score.predictions);
    }
    if (index == 0 && name == run.data.metrics[0]) {
      result.primary = metrics::higher_is_better(name) ? metric.value : -metric.value;
    }
  }
  result.json["eval_samples" + set.suffix] = set.data.rows.size();
}

std::string predictions_text(const FinetuneRun& run, const EvaluationSet& set, const SetScore& score) {
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
      for (const double value : {score.predictions.true_values[i], score.predictions.values[i]}) {
        fields.push_back(fmt::format("{}", static_cast<float>(value)));
      }
    } else {
      const data::LabelSet& labels = run.data.train.labels;
      fields.push_back(labels.name(score.predictions.true_classes[i]));
      fields.push_back(labels.name(score.predictions.classes[i]));
      fields.push_back(fmt::format("{:.6f}", score.confidence[i]));
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
    result.sets.push_back(run.score(run.evaluation[i]));
    score_set(run, i, result);
  }
  for (const std::string& warning : result.warnings) log_warning(warning);
  run.state.eval_seconds += std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

void write_predictions(const FinetuneRun& run, const EpochScore& score, bool best) {
  for (std::size_t i = 0; i < score.sets.size(); ++i) {
    const EvaluationSet& set = run.data.evaluation[i];
    const std::string text = predictions_text(run, set, score.sets[i]);
    const auto write = [&](const char* name) {
      io::write_text_atomically(run.directory.path() / fmt::format("{}{}.tsv", name, set.suffix), text);
    };
    write("predictions_dev");
    if (best) write("predictions_best_dev");
  }
}

void log_evaluation(FinetuneRun& run, const EpochScore& score, bool best) {
  io::Json line;
  line["step"] = run.state.step;
  line["epoch"] = run.epoch();
  line.update(score.json);
  line["best"] = best;
  if (!score.warnings.empty()) line["warnings"] = score.warnings;
  run.directory.log(line);
}

io::Json finetune_evaluations(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "metrics.jsonl";
  const std::string text = io::read_text_file(path);
  io::Json evaluations = io::Json::array();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    io::Json line = io::parse_json(std::string_view(text).substr(begin, end - begin), path.string());
    if (line.contains("eval_loss")) evaluations.push_back(std::move(line));
    begin = end + 1;
  }
  return evaluations;
}

}  // namespace espalier::train
