#include <fmt/format.h>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/train/pretrainer.h"

namespace espalier::cli {

static void print_distillation(const train::PretrainSummary& summary, const std::string& run) {
  const train::DistillScores& scores = *summary.distilled;
  fmt::print("layer  relative error\n");
  for (std::size_t i = 0; i < scores.layers.size(); ++i)
    fmt::print("{:>5}  {:.4f}\n", scores.layers[i], scores.layer_errors[i]);
  fmt::print("{} steps, {} tokens; relative error of the last hidden states {:.4f}{}; {}/last.h5\n",
             summary.step, summary.tokens, scores.hidden_error,
             scores.kl_divergence ? fmt::format(", KL divergence {:.4f}", *scores.kl_divergence) : "", run);
}

static void run_pretrain(const config::PretrainConfig& config) {
  const train::PretrainSummary summary = train::pretrain(config);
  if (summary.already_complete) {
    fmt::print("{} is complete: {} steps, {} tokens\n", config.run, summary.step, summary.tokens);
    return;
  }
  if (summary.distilled) return print_distillation(summary, config.run);
  fmt::print("{} steps, {} tokens; held-out loss {:.4f}{} (unigram {:.4f}); {}/last.h5\n", summary.step,
             summary.tokens, summary.loss_hard, summary.has_trees ? " with hard routing" : "",
             summary.unigram_loss, config.run);
}

void add_pretrain(Command& app) {
  add_config_verb<config::PretrainConfig>(app, "pretrain", "Train a masked language model from prepared text",
                                          run_pretrain, true);
}

}  // namespace espalier::cli
