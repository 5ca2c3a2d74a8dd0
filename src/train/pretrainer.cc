#include "espalier/train/pretrainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/base/progress.h"
#include "espalier/base/resident_memory.h"
#include "espalier/processes/processes.h"
#include "train/agreement.h"
#include "train/pretrain_evaluation.h"
#include "train/pretrain_update.h"

namespace espalier::train {
namespace {

void set_pruning(PretrainStep& line, const ops::LayerStatistics& trees) {
  double nodes = 0, mass = 0;
  for (const ops::TreeStatistics& layer : trees) {
    const double tokens = static_cast<double>(std::max<std::int64_t>(layer.tokens, 1));
    nodes += layer.surviving_nodes / tokens;
    mass += layer.dropped_mass / tokens / layer.trees;
  }
  const double layers = static_cast<double>(std::max<std::size_t>(trees.size(), 1));
  line.surviving_nodes = nodes / layers;
  line.dropped_mass = mass / layers;
}

PretrainStep log_line(const PretrainRun& run, const PretrainPlan& plan, const PretrainResult& result,
                      double tokens_per_s) {
  PretrainStep line;
  line.step = run.state.step;
  line.tokens = run.state.tokens;
  line.epoch = run.epoch();
  line.loss = result.update.loss;
  line.accuracy = result.accuracy;
  line.learning_rate = plan.lr;
  line.batch_size = plan.sequences;
  line.grad_norm = result.update.norm;
  const ops::TreeRouting& trees = plan.routing.trees;
  if (trees.mode != ops::RoutingMode::kHard) line.temperature = trees.temperature;
  if (plan.routing.soft) {
    if (trees.entropy) line.entropy = result.update.entropy;
    line.entropy_weight = plan.routing.entropy_weight;
    line.epsilon = trees.epsilon;
    set_pruning(line, result.update.trees);
  }
  line.time = run.state.seconds;
  line.tokens_per_s = tokens_per_s;
  line.rss = resident_bytes();
  return line;
}

// Counts wall time into the state and the speed since the last log line.
class Stopwatch {
 public:
  explicit Stopwatch(PretrainState& state) : state_(state), last_(Clock::now()), mark_tokens_(state.tokens) {}
  void lap() {
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    state_.seconds += seconds;
    training_ += seconds;
    last_ = now;
  }
  // Time spent evaluating and saving counts as used, but not against the training speed.
  void lap_aside() {
    const double before = training_;
    lap();
    training_ = before;
  }
  double tokens_per_second() const {
    return training_ > 0 ? static_cast<double>(state_.tokens - mark_tokens_) / training_ : 0;
  }
  void mark() {
    mark_tokens_ = state_.tokens;
    training_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  PretrainState& state_;
  Clock::time_point last_;
  double training_ = 0;
  std::int64_t mark_tokens_;
};

// How much of the way to that is done.
double done_fraction(const PretrainRun& run) {
  const double used = used_fraction(run.config, run.state);
  if (run.config.max_steps == 0) return used;
  return std::max(used, static_cast<double>(run.state.step) / static_cast<double>(run.config.max_steps));
}

// When to save beside the end: every save.steps updates or save.minutes minutes.
bool save_is_due(const PretrainRun& run, double last_save_seconds) {
  const bool by_steps = run.config.save_steps > 0 && run.state.step % run.config.save_steps == 0;
  const bool by_time =
      run.config.save_minutes > 0 && run.state.seconds - last_save_seconds >= 60 * run.config.save_minutes;
  return by_steps || by_time;
}

[[noreturn]] void stop(PretrainRun& run, int signal) {
  run.save(true);
  end_saved(run.state.step, RunDirectory::how_to_continue(run.config.resume), signal);
}

// A signal stops the run, which makes the evaluation when it is continued: it may take longer than whoever
// asks to stop waits.
void evaluate_or_stop(PretrainRun& run) {
  try {
    evaluate_and_log(run);
  } catch (const Interrupted& asked) {
    stop(run, asked.signal());
  }
}

bool evaluates_at(const PretrainRun& run, std::int64_t step) {
  return run.config.eval_steps > 0 && step % run.config.eval_steps == 0;
}

void train_loop(PretrainRun& run) {
  Progress progress("pretrain");
  Stopwatch watch(run.state);
  std::int64_t saved_step = -1;  // of this sitting
  double last_save = run.state.seconds;
  const auto save = [&] {
    progress.clear();
    run.save();
    saved_step = run.state.step;
    last_save = run.state.seconds;
  };
  const auto evaluate_on_the_way = [&] {
    progress.clear();
    evaluate_or_stop(run);
    if (run.best_step == run.state.step) save();
  };
  const bool cut_short = run.resumed && run.state.step > 0 && evaluates_at(run, run.state.step) &&
                         !run.directory.evaluated_at(run.state.step);
  if (cut_short && !run.finished()) {
    evaluate_on_the_way();
    watch.lap_aside();
    run.state.seconds = agree({run.state.seconds}).seconds;
  }
  while (!run.finished()) {
    const double t = used_fraction(run.config, run.state);
    const PretrainPlan plan = plan_update(run.config, t);
    const bool log_now = (run.state.step + 1) % run.config.log_steps == 0;
    const PretrainResult result = update(run, plan, log_now && plan.routing.soft);
    watch.lap();
    const Wishes wishes = agree({run.state.seconds, interrupt_signal(), take_save_wish()});
    run.state.seconds = wishes.seconds;
    const double speed = watch.tokens_per_second();
    if (progress.due() && !result.update.abandoned) {
      progress.update(
          done_fraction(run),
          fmt::format("step {}  {:.2f} M tokens  loss {:.3f}  lr {:.2e}  {:.0f} tokens/s", run.state.step,
                      static_cast<double>(run.state.tokens) / 1e6, result.update.loss, plan.lr, speed));
    }
    if (log_now && !result.update.abandoned) {
      run.directory.log(io::to_json(log_line(run, plan, result, speed)));
      watch.mark();
    }
    if (evaluates_at(run, run.state.step) && !result.update.abandoned && !run.finished())
      evaluate_on_the_way();
    if (wishes.signal != 0 && !run.finished()) stop(run, wishes.signal);
    const bool due = wishes.save || save_is_due(run, last_save);
    if (due && saved_step != run.state.step && !run.finished()) save();
    watch.lap_aside();
    run.state.seconds = agree({run.state.seconds}).seconds;
  }
}

}  // namespace

PretrainSummary pretrain(const config::PretrainConfig& config) {
  validate(config);
  PretrainRun run(config);
  PretrainSummary summary;
  const std::unique_ptr<AnomalyGuard> anomaly =
      config.detect_anomaly ? std::make_unique<AnomalyGuard>() : nullptr;
  summary.already_complete = run.resumed && run.finished() && run.directory.evaluated_at(run.state.step);
  if (summary.already_complete) {
    log_info(fmt::format("{}: the run is complete ({} steps); nothing to do", run.directory.path().string(),
                         run.state.step));
  } else {
    run.require_teacher();
    run.require_space();
    train_loop(run);
    evaluate_or_stop(run);
    run.save(true);
  }
  summary.has_trees = !nn::tree_layers(run.config.arch).empty();
  summary.step = run.state.step;
  summary.tokens = run.state.tokens;
  summary.distilled = run.last_distillation;
  summary.loss_hard = run.last_evaluation.hard.loss;
  summary.unigram_loss = run.last_evaluation.unigram_loss;
  return summary;
}

}  // namespace espalier::train
