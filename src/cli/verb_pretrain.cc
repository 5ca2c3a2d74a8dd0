#include <fmt/format.h>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/train/pretrainer.h"

namespace espalier::cli {

static void run_pretrain(const config::PretrainConfig& config) {
  const train::PretrainSummary summary = train::pretrain(config);
  if (summary.already_complete) {
    fmt::print("{} is complete: {} steps, {} tokens\n", config.run, summary.step, summary.tokens);
    return;
  }
  fmt::print("{} steps, {} tokens; held-out loss {:.4f} with hard routing (unigram {:.4f}); {}/last.h5\n",
             summary.step, summary.tokens, summary.loss_hard, summary.unigram_loss, config.run);
}

void add_pretrain(Command& app) {
  add_config_verb<config::PretrainConfig>(app, "pretrain", "Train a masked language model from prepared text",
                                          run_pretrain);
}

}  // namespace espalier::cli
