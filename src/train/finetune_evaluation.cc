#include "train/finetune_evaluation.h"

#include <fmt/format.h>

#include <chrono>

#include "data/table_writer.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/io/text_file.h"
#include "model/metrics_history.h"
#include "train/prediction_scores.h"

namespace espalier::train {
namespace {

// By hard routing, without dropout. A signal ends it between two batches with Interrupted.
SetPredictions predictions_of(FinetuneRun& run, std::size_t set) {
  return predict_rows(run.data.evaluation[set].data, run.evaluation[set],
                      "stopped before the end of the evaluation",
                      [&](const data::LabelledBatch& batch, double /*done*/) {
                        nn::ForwardContext context;
                        Variable logits;
                        const Variable mean = run.loss(batch, context, &logits);
                        return BatchResult{static_cast<double>(mean.item()), logits.value()};
                      });
}

void score_set(const FinetuneRun& run, std::size_t index, EpochScore& result) {
  const SetPredictions& rows = result.rows[index];
  result.sets.push_back(score_predictions(rows.predictions, rows.loss, run.data.train.labels,
                                          {.metrics = run.data.metrics,
                                           .suffix = run.data.evaluation[index].suffix,
                                           .resamples = run.config.bootstrap},
                                          result.warnings));
  if (index > 0) return;
  const MetricScore& first = result.sets.front().metrics.front();
  ESPALIER_CHECK(metrics::higher_is_better(first.name));
  result.primary = first.value;
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

// All that metrics.jsonl has.
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

}  // namespace

EpochScore evaluate(FinetuneRun& run) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  EpochScore result;
  for (std::size_t i = 0; i < run.evaluation.size(); ++i) {
    result.rows.push_back(predictions_of(run, i));
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

FinetuneResults write_results(const FinetuneRun& run, const EpochScore& score) {
  FinetuneResults results;
  const auto per_second = [&](double count) {
    return run.state.seconds > 0 ? count / run.state.seconds : 0.0;
  };
  const auto tokens = static_cast<double>(run.state.tokens);
  TrainResults& train = results.train;
  train.epoch = run.epoch();
  train.train_loss = run.state.loss_sum / static_cast<double>(run.state.step);
  train.train_runtime = run.state.seconds;
  train.train_samples = run.train.rows();
  train.class_counts = class_counts_of(run.data);
  train.train_samples_per_second = per_second(static_cast<double>(run.train.rows()) * run.epoch());
  train.train_steps_per_second = per_second(static_cast<double>(run.state.step));
  train.train_tokens = run.state.tokens;
  train.train_tokens_per_second = per_second(tokens);
  if (run.state.positions > 0) {
    train.train_padding_share = 1.0 - tokens / static_cast<double>(run.state.positions);
  }
  results.eval = {run.epoch(), score.sets, run.state.eval_seconds};
  results.evaluations = logged_evaluations(run);
  const auto write = [&](const char* name, const auto& fields) {
    io::write_text_atomically(run.directory.path() / name, io::json_text(io::to_json(fields)));
  };
  write("train_results.json", results.train);
  write("eval_results.json", results.eval);
  write("all_results.json", results);
  return results;
}

}  // namespace espalier::train
