#include "espalier/train/finetuner.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/base/progress.h"
#include "espalier/data/glue.h"
#include "espalier/ops/elementwise.h"
#include "espalier/processes/processes.h"
#include "espalier/train/routing_schedule.h"
#include "train/agreement.h"
#include "train/finetune_evaluation.h"
#include "train/not_finite.h"

namespace espalier::train {
namespace {

double learning_rate(const FinetuneRun& run) {
  return run.config.optimizer.lr *
         optim::learning_rate_factor(run.config.schedule, run.used_fraction(), run.config.warmup);
}

SequenceGroups full_update(const config::FinetuneConfig& config) {
  return SequenceGroups::whole(config.batch_size, config.gradient_groups);
}

}  // namespace

void require_share_for_all(const config::FinetuneConfig& config) {
  require_gradient_groups(full_update(config).gradient_groups, config.batch_size);
}

namespace {

// Rows count by the weights of their classes, where classes have weights.
double weight_of(const data::LabelledBatch& batch, const Tensor& class_weights) {
  if (!class_weights.defined()) return static_cast<double>(batch.size());
  double sum = 0;
  for (const std::int32_t row : batch.classes) sum += static_cast<double>(class_weights.data()[row]);
  return sum;
}

// The part of the loss of a batch that some of its rows give; parts add up to the whole.
Variable loss_of_part(FinetuneRun& run, const data::LabelledBatch& batch, const SequenceGroup& rows,
                      nn::ForwardContext& context) {
  if (rows.sequences == batch.size()) return run.loss(batch, context);
  const data::LabelledBatch part = data::part_of(batch, rows.first, rows.sequences);
  const double share = weight_of(part, run.class_weights) / weight_of(batch, run.class_weights);
  return ops::scale(run.loss(part, context), static_cast<float>(share));
}

// What is not finite is told with step and rows, whether the updater finds it or train.detect_anomaly.
[[noreturn]] void fail(const FinetuneRun& run, const data::LabelledBatch& batch, const RunError& error) {
  const auto* found = dynamic_cast<const NotFinite*>(&error);
  if (found == nullptr && !run.config.detect_anomaly) throw;
  const std::string rows = fmt::format("training line {} and its batch",
                                       run.data.train.rows[static_cast<std::size_t>(batch.rows[0])].line);
  if (found == nullptr) {
    throw RunError(fmt::format("step {} ({}): {}; the step was not applied. Lower train.lr.",
                               run.state.step + 1, rows, error.what()));
  }
  throw RunError(fmt::format("step {}: {} is not finite ({}{}); the step was not applied. Lower train.lr.",
                             run.state.step + 1, found->quantity, rows,
                             found->origin.empty() ? "" : "; first " + found->origin));
}

// One update. RunError if a loss or gradient is not finite: nothing is applied.
UpdateResult update(FinetuneRun& run, double lr) {
  const std::int64_t epoch = run.state.step / run.steps_per_epoch();
  const data::LabelledBatch batch = run.train.batch(epoch, run.state.step % run.steps_per_epoch());
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext& context) {
    return loss_of_part(run, batch, group, context);
  };
  const SequenceGroups groups = SequenceGroups::whole(batch.size(), run.config.gradient_groups);
  // An epoch's last batch may have fewer groups; numbers of passes are not used twice.
  const std::int64_t passes = full_update(run.config).count;
  UpdateResult result;
  try {
    result = run.updater.update(
        groups, loss,
        {.lr = lr,
         .routing = routing_at(run.config.routing, run.base.arch.ffn.depth, run.used_fraction()),
         .pass = run.state.step * passes});
  } catch (const RunError& error) {
    fail(run, batch, error);
  }
  if (result.abandoned) return result;
  ++run.state.step;
  run.state.tokens += batch.real_tokens;
  run.state.positions += batch.tokens.ids.size();
  run.state.loss_sum += result.loss;
  return result;
}

[[noreturn]] void stop(FinetuneRun& run, int signal) {
  run.save(false);
  end_saved(run.state.step, RunDirectory::how_to_continue(run.config.resume), signal);
}

// A signal stops the run, which makes the evaluation when it is continued.
EpochScore evaluate_or_stop(FinetuneRun& run) {
  try {
    return evaluate(run);
  } catch (const Interrupted& asked) {
    stop(run, asked.signal());
  }
}

// Of a fraction of an epoch, as in train.epochs=2.5, the last counts as one.
bool completes_epoch(const FinetuneRun& run) {
  return run.state.step % run.steps_per_epoch() == 0 || run.state.step == run.total_steps();
}

EpochScore evaluate_and_save(FinetuneRun& run) {
  EpochScore score = evaluate_or_stop(run);
  if (!std::isfinite(score.sets.front().loss)) {
    throw RunError(fmt::format(
        "step {}: the loss on held-out rows is not finite; this step was not saved. {} Lower train.lr.",
        run.state.step, run.directory.last_checkpoint()));
  }
  // Not finite (a constant prediction's correlation) is never the best, unless there is none yet; nor is what
  // train.max_steps cut off within an epoch, where a run that is not stopped there has no evaluation.
  const bool counts = std::isfinite(score.primary) && completes_epoch(run);
  const bool best =
      !std::isfinite(run.state.best_metric) || (counts && score.primary > run.state.best_metric);
  if (best && counts) run.state.best_metric = score.primary;
  write_predictions(run, score, best);
  log_evaluation(run, score, best);
  run.save(best);
  const SetScores& first = score.sets.front();
  const MetricScore& metric = first.metrics.front();
  log_info(fmt::format(
      "epoch {:.2f}: {} {}, loss {:.4f}", run.epoch(), metric.name,
      std::isfinite(metric.value) ? fmt::format("{:.4f}", metric.value) : std::string("undefined"),
      first.loss));
  return score;
}

bool evaluates(const FinetuneRun& run) {
  return completes_epoch(run) || run.state.step == run.end_step();
}

// The lines of the training file in the batch of the last update.
std::vector<std::int64_t> lines_of_last_batch(FinetuneRun& run) {
  const std::int64_t step = run.state.step - 1, steps = run.steps_per_epoch();
  std::vector<std::int64_t> lines;
  for (const std::int64_t row : run.train.batch(step / steps, step % steps).rows) {
    lines.push_back(static_cast<std::int64_t>(run.data.train.rows[static_cast<std::size_t>(row)].line));
  }
  return lines;
}

void log_step(FinetuneRun& run, double loss, double lr) {
  FinetuneStep line{run.state.step, run.epoch(), loss, lr, run.state.seconds, {}};
  if (run.config.log_lines) line.lines = lines_of_last_batch(run);
  run.directory.log(io::to_json(line));
}

// Trains to the end; returns the score of the last epoch trained here, if any.
std::optional<EpochScore> train_loop(FinetuneRun& run, const std::string& title) {
  using Clock = std::chrono::steady_clock;
  Progress progress(title);
  std::optional<EpochScore> score;
  const bool cut_short = run.state.step > 0 && evaluates(run) && !run.directory.evaluated_at(run.state.step);
  if (cut_short) score = evaluate_and_save(run);
  Clock::time_point last = Clock::now();
  const auto end = static_cast<double>(run.end_step());
  while (run.state.step < run.end_step()) {
    const double lr = learning_rate(run);
    const UpdateResult result = update(run, lr);
    const Clock::time_point now = Clock::now();
    run.state.seconds += std::chrono::duration<double>(now - last).count();
    const Wishes wishes = agree({run.state.seconds, interrupt_signal(), take_save_wish()});
    run.state.seconds = wishes.seconds;
    if (!result.abandoned) {
      progress.update(
          static_cast<double>(run.state.step) / end,
          fmt::format("step {}  epoch {:.2f}  loss {:.3f}", run.state.step, run.epoch(), result.loss));
    }
    const bool saved = !result.abandoned && evaluates(run);
    if (saved || (!result.abandoned && run.state.step % run.config.log_steps == 0))
      log_step(run, result.loss, lr);
    if (saved) {
      progress.clear();
      score = evaluate_and_save(run);
    }
    if (wishes.signal != 0 && !saved) stop(run, wishes.signal);
    if (wishes.save && !saved) run.save(false);
    last = Clock::now();
  }
  return score;
}

}  // namespace

FinetuneResults finetune(const config::FinetuneConfig& config, const FinetuneOptions& options) {
  validate(config);
  if (data::is_glue_task(config.task.name)) refuse_custom_keys(config);
  require_share_for_all(config);
  FinetuneRun run(config, options.report_data, options.inputs);
  if (options.report_unread) report_unread(run.base.require_tokenizer(), run.data);
  const std::unique_ptr<AnomalyGuard> anomaly =
      config.detect_anomaly ? std::make_unique<AnomalyGuard>() : nullptr;
  std::optional<EpochScore> score = train_loop(run, options.title);
  if (!score) {
    // A finished run is only scored again.
    score = evaluate(run);
    write_predictions(run, *score, false);
  }
  return write_results(run, *score);
}

}  // namespace espalier::train
