#include "espalier/train/finetuner.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/train/progress.h"
#include "espalier/train/routing_schedule.h"
#include "train/finetune_run.h"
#include "train/objective.h"

namespace espalier::train {
namespace {

double learning_rate(const FinetuneRun& run) {
  return run.config.optimizer.lr *
         optim::learning_rate_factor(run.config.schedule, run.used_fraction(), run.config.warmup);
}

// One update; returns its loss. RunError if a loss or gradient is not finite: nothing is applied.
double update(FinetuneRun& run) {
  const std::int64_t epoch = run.state.step / run.steps_per_epoch();
  const data::LabelledBatch batch = run.train.batch(epoch, run.state.step % run.steps_per_epoch());
  const RoutingState routing = routing_at(run.config.routing, run.base.arch.ffn.depth, run.used_fraction());
  nn::ForwardContext context;
  context.training = true;
  context.dropout = run.config.dropout;
  context.seed = run.config.seed;
  context.step = static_cast<std::uint64_t>(run.state.step);
  context.routing = routing.routing;
  const auto fail = [&](const std::string& what) {
    throw RunError(fmt::format(
        "step {}: {} is not finite (training line {} and its batch); the step was not applied. "
        "Lower train.lr, or find the operation with train.detect_anomaly=true.",
        run.state.step + 1, what, run.data.train.rows[static_cast<std::size_t>(batch.rows[0])].line));
  };
  run.model.clear_gradients();
  const Variable loss = run.loss(batch, context);
  const Variable objective = add_entropy(loss, context.entropies, routing.entropy_weight);
  if (!std::isfinite(objective.item())) fail("the loss");
  backward(objective);
  const optim::GradientNorm norm = optim::gradient_norm(run.optimizer.slots());
  if (!norm.finite) fail(fmt::format("the gradient of `{}`", norm.not_finite));
  run.optimizer.step(learning_rate(run), optim::clip_factor(norm.norm, run.config.optimizer.clip));
  ++run.state.step;
  return static_cast<double>(loss.item());
}

// A row a line: index, text's line in the file, truth, prediction, and for classes the probability.
void write_predictions(const FinetuneRun& run, const EvaluationSet& set, const SetScore& score) {
  const bool regression = run.data.train.regression;
  std::string text =
      regression ? "index\tline\tlabel\tprediction\n" : "index\tline\tlabel\tprediction\tprobability\n";
  for (std::size_t i = 0; i < set.data.rows.size(); ++i) {
    text += fmt::format("{}\t{}\t", i, set.data.rows[i].line);
    if (regression) {
      // They are floats; as doubles they would show digits that mean nothing.
      text += fmt::format("{}\t{}\n", static_cast<float>(score.predictions.true_values[i]),
                          static_cast<float>(score.predictions.values[i]));
    } else {
      const data::LabelSet& labels = run.data.train.labels;
      text += fmt::format("{}\t{}\t{:.6f}\n", labels.name(score.predictions.true_classes[i]),
                          labels.name(score.predictions.classes[i]), score.confidence[i]);
    }
  }
  io::write_text_atomically(run.directory.path() / fmt::format("predictions_dev{}.tsv", set.suffix), text);
}

struct EpochScore {
  io::Json json;       // eval_loss, eval_accuracy ...
  double primary = 0;  // the first metric, the higher the better
};

EpochScore evaluate(FinetuneRun& run) {
  EpochScore result;
  for (std::size_t i = 0; i < run.evaluation.size(); ++i) {
    const EvaluationSet& set = run.data.evaluation[i];
    const SetScore score = run.score(run.evaluation[i]);
    result.json["eval_loss" + set.suffix] = score.loss;
    for (const std::string& name : run.data.metrics) {
      const data::MetricValue metric = data::compute_metric(name, score.predictions);
      if (!metric.warning.empty()) log_warning(fmt::format("{}: {}", name, metric.warning));
      // JSON has no NaN: a metric that does not exist (a constant prediction's correlation) is null.
      result.json["eval_" + name + set.suffix] =
          std::isfinite(metric.value) ? io::Json(metric.value) : io::Json();
      if (i == 0 && name == run.data.metrics[0]) {
        result.primary = data::higher_is_better(name) ? metric.value : -metric.value;
      }
    }
    result.json["eval_samples" + set.suffix] = set.data.rows.size();
    write_predictions(run, set, score);
  }
  return result;
}

EpochScore evaluate_and_save(FinetuneRun& run) {
  EpochScore score = evaluate(run);
  io::Json line;
  line["step"] = run.state.step;
  line["epoch"] = run.epoch();
  line.update(score.json);
  run.directory.log(line);
  // Not finite (a constant prediction's correlation) is never the best, unless there is none yet.
  const bool best = score.primary > run.state.best_metric || !std::isfinite(run.state.best_metric);
  if (best && std::isfinite(score.primary)) run.state.best_metric = score.primary;
  run.save(best);
  const io::Json& value = score.json.at("eval_" + run.data.metrics[0]);
  log_info(
      fmt::format("epoch {:.2f}: {} {}, loss {:.4f}", run.epoch(), run.data.metrics[0],
                  value.is_null() ? std::string("undefined") : fmt::format("{:.4f}", value.get<double>()),
                  score.json.at("eval_loss").get<double>()));
  return score;
}

bool at_epoch_end(const FinetuneRun& run) {
  return run.state.step % run.steps_per_epoch() == 0 || run.state.step == run.total_steps();
}

void log_step(FinetuneRun& run, double loss) {
  io::Json line;
  line["step"] = run.state.step;
  line["epoch"] = run.epoch();
  line["loss"] = loss;
  line["learning_rate"] = learning_rate(run);
  line["time"] = run.state.seconds;
  run.directory.log(line);
}

// Trains to the end; returns the score of the last epoch trained here, if any.
std::optional<EpochScore> train_loop(FinetuneRun& run) {
  using Clock = std::chrono::steady_clock;
  Progress progress("finetune");
  std::optional<EpochScore> score;
  Clock::time_point last = Clock::now();
  while (run.state.step < run.total_steps()) {
    const double loss = update(run);
    run.state.loss_sum += loss;
    const Clock::time_point now = Clock::now();
    run.state.seconds += std::chrono::duration<double>(now - last).count();
    progress.update(run.used_fraction(),
                    fmt::format("step {}  epoch {:.2f}  loss {:.3f}", run.state.step, run.epoch(), loss));
    if (run.state.step % run.config.log_steps == 0) log_step(run, loss);
    if (at_epoch_end(run)) {
      progress.clear();
      score = evaluate_and_save(run);
    }
    if (const int signal = interrupt_signal(); signal != 0 && run.state.step < run.total_steps()) {
      if (!at_epoch_end(run)) run.save(false);
      throw Interrupted(fmt::format("stopped at step {} after saving; {}", run.state.step,
                                    RunDirectory::how_to_continue(run.config.resume)),
                        signal);
    }
    last = Clock::now();
  }
  return score;
}

io::Json write_results(const FinetuneRun& run, const io::Json& eval) {
  const double trained = static_cast<double>(run.train.rows()) * run.epoch();
  io::Json train;
  train["epoch"] = run.epoch();
  train["train_loss"] = run.state.loss_sum / static_cast<double>(run.state.step);
  train["train_runtime"] = run.state.seconds;
  train["train_samples"] = run.train.rows();
  train["train_samples_per_second"] = run.state.seconds > 0 ? trained / run.state.seconds : 0;
  train["train_steps_per_second"] =
      run.state.seconds > 0 ? static_cast<double>(run.state.step) / run.state.seconds : 0;
  io::Json evaluation;
  evaluation["epoch"] = run.epoch();
  evaluation.update(eval);
  io::Json all = train;
  all.update(evaluation);
  const auto write = [&](const char* name, const io::Json& json) {
    io::write_text_atomically(run.directory.path() / name, json.dump(2) + "\n");
  };
  write("train_results.json", train);
  write("eval_results.json", evaluation);
  write("all_results.json", all);
  return all;
}

}  // namespace

io::Json finetune(const config::FinetuneConfig& config) {
  validate(config);
  FinetuneRun run(config);
  const std::unique_ptr<AnomalyGuard> anomaly =
      config.detect_anomaly ? std::make_unique<AnomalyGuard>() : nullptr;
  std::optional<EpochScore> score = train_loop(run);
  // A finished run is only scored again.
  if (!score) score = evaluate(run);
  return write_results(run, score->json);
}

}  // namespace espalier::train
