#include "train/pretrain_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/train/pretrain_metrics.h"
#include "train/pretrain_update.h"

namespace espalier::train {
namespace {

// A tree whose most popular leaf takes more than this share of the tokens is warned about.
constexpr double kCollapsedShare = 0.9;

void warn_of_collapse(const std::vector<TreeScores>& layers) {
  for (const TreeScores& trees : layers) {
    if (trees.largest_leaf_share > kCollapsedShare && !trees.entropy.empty()) {
      log_warning(fmt::format("layer {}: one leaf takes {:.0f} % of the tokens; the tree has collapsed",
                              trees.layer, 100 * trees.largest_leaf_share));
    }
  }
}

// `loss` of hard routing on held-out data; notes whether it is the best so far. RunError if it is not finite:
// what is saved must be worth continuing.
void note_loss(PretrainRun& run, double loss) {
  if (!std::isfinite(loss)) {
    throw RunError(
        fmt::format("step {}: the held-out loss is not finite; this step was not saved. {} Lower train.lr.",
                    run.state.step, run.directory.last_checkpoint()));
  }
  if (!(loss < run.state.best_loss)) return;
  run.state.best_loss = run.best_step_loss = loss;
  run.best_step = run.state.step;
}

void add_visits(const PretrainRun& run, const ops::LayerStatistics& trees, std::vector<TreeScores>& routing) {
  if (!run.config.tensorboard) return;
  for (std::size_t layer = 0; layer < routing.size(); ++layer)
    routing[layer].visits = visits_of(trees[layer]);
}

void evaluate_distillation(PretrainRun& run, double temperature) {
  ops::LayerStatistics trees;
  DistillScores scores =
      run.distiller->evaluate(run.model, run.validation, run.config.eval_sequences, temperature, trees);
  scores.routing = scores_of(trees, nn::tree_layers(run.config.arch));
  add_visits(run, trees, scores.routing);
  note_loss(run, scores.kl_divergence.value_or(scores.hidden_error));
  run.directory.log(
      io::to_json(DistillEvaluation{run.state.step, run.state.tokens, scores, run.state.seconds}));
  log_info(
      fmt::format("step {}: relative error of layers {:.3f}, of the last hidden states {:.3f}{}",
                  run.state.step, fmt::join(scores.layer_errors, " "), scores.hidden_error,
                  scores.kl_divergence ? fmt::format(", KL divergence {:.4f}", *scores.kl_divergence) : ""));
  warn_of_collapse(scores.routing);
  run.last_distillation = std::move(scores);
}

}  // namespace

void evaluate_and_log(PretrainRun& run) {
  const RoutingState routing = routing_of(run.config, used_fraction(run.config, run.state));
  if (run.distiller) return evaluate_distillation(run, static_cast<double>(routing.trees.temperature));
  EvaluateOptions options;
  options.sequences = run.config.eval_sequences;
  options.temperature = static_cast<double>(routing.trees.temperature);
  options.epsilon = static_cast<double>(routing.trees.epsilon);
  options.soft = trained_softly(run.config.routing);
  if (run.config.routing.mode == config::Routing::kAnneal) {
    options.temperature0 = run.config.routing.anneal_temperature0;
  }
  run.last_evaluation = evaluate(run.model, run.validation, run.store, options);
  const Evaluation& evaluation = run.last_evaluation;
  run.hardening_gap = evaluation.hardening_gap();
  if (evaluation.loss_soft)
    run.state.lowest_soft_loss = std::min(run.state.lowest_soft_loss, *evaluation.loss_soft);
  note_loss(run, evaluation.hard.loss);
  PretrainEvaluation line{run.state.step, run.state.tokens, scores_of(evaluation), {}, run.state.seconds};
  add_visits(run, evaluation.hard.trees, line.scores.routing);
  if (evaluation.loss_soft) line.lowest_soft_loss = run.state.lowest_soft_loss;
  run.directory.log(io::to_json(line));
  log_info(fmt::format("step {}: held-out loss {:.4f}{}, accuracy {:.1f} %, unigram {:.4f}", run.state.step,
                       evaluation.hard.loss,
                       evaluation.loss_soft ? fmt::format(" hard, {:.4f} soft", *evaluation.loss_soft) : "",
                       100 * evaluation.hard.accuracy, evaluation.unigram_loss));
  warn_of_collapse(line.scores.routing);
  const double guess = std::log(static_cast<double>(run.config.arch.embedding.vocab_size));
  if (evaluation.hard.loss > guess + 1) {
    log_warning(fmt::format(
        "step {}: held-out loss {:.2f} is more than guessing any word alike would have ({:.2f}): the "
        "training has diverged; lower train.lr",
        run.state.step, evaluation.hard.loss, guess));
  }
}

}  // namespace espalier::train
