// What a pretraining saves of itself.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/processes/processes.h"
#include "model/checkpoint_metadata.h"
#include "train/agreement.h"
#include "train/optimizer_tensors.h"
#include "train/pretrain_run.h"
#include "train/pretrain_update.h"

namespace espalier::train {

// A model without trees routes nothing, whatever the routing keys say.
model::RoutingProvenance PretrainRun::provenance() const {
  if (!nn::has_trees(config.arch.ffn)) return {};
  model::RoutingProvenance routing =
      provenance_of(config.routing, routing_of(config, used_fraction(config, state)));
  routing.hardening_gap = hardening_gap;
  return routing;
}

io::Checkpoint PretrainRun::checkpoint() {
  io::Checkpoint checkpoint = model::model_checkpoint(model, provenance(), store.tokenizer_json());
  model::keep_sentence_files(checkpoint, sentence_files);
  checkpoint.optimizer = optimizer_tensors(updater.optimizer());
  checkpoint.state = io::to_json(state);
  checkpoint.config_yaml = config::dump(config);
  checkpoint.metrics_jsonl = directory.metrics();
  return checkpoint;
}

// What failed of saving a step, or, where its checkpoint is `saved`, beside that. Where training ends with it
// (`last`) that stops the run.
static void tell_failure(const PretrainRun& run, const Error& error, bool saved, bool last) {
  const bool any = run.directory.has_checkpoint();
  const std::string there = saved ? "the checkpoint is there"
                            : any ? "the checkpoint before stays"
                                  : "there is no checkpoint yet";
  if (run.config.stop_on_save_error || last) {
    throw RunError(fmt::format("{}; stopped at step {}, {}, and {}", error.what(), run.state.step, there,
                               any ? RunDirectory::how_to_continue(run.config.resume) + " from there"
                                   : "the same command begins anew"));
  }
  log_warning(fmt::format("{}; going on, {}", error.what(), there));
}

void PretrainRun::save(bool last) {
  require_same_weights(model, state.step);
  const bool best = best_step == state.step;
  if (best) state.best_loss = best_step_loss;  // again, where saving it has failed before
  int saved = 0;
  try {
    directory.save(checkpoint(), state.step, best, config.keep_checkpoints);
    saved = 1;
  } catch (const Error& error) {
    tell_failure(*this, error, false, last);
  }
  // Process 0 alone met the failure. best.h5 is as it was, and what is better than that is the best.
  if (processes::of_first(saved) == 0) state.best_loss = saved_best_loss_;
  saved_best_loss_ = state.best_loss;
  if (saved == 0) return;
  try {
    write_trainer_state();
  } catch (const Error& error) {
    tell_failure(*this, error, true, last);
  }
}

void PretrainRun::write_trainer_state() const {
  directory.write_trainer_state(
      state.step, epoch(), config.max_steps > 0 ? config.max_steps : config.budget.steps, state.best_loss);
}

void PretrainRun::require_space() {
  std::int64_t left = std::numeric_limits<std::int64_t>::max();  // checkpoints to come: one a step at most
  for (const std::int64_t end : {config.budget.steps, config.max_steps})
    if (end > 0) left = std::min(left, std::max(end - state.step, std::int64_t{1}));
  directory.check_space(checkpoint(), config.keep_checkpoints, left, ", or keep fewer of them (save.keep)");
}

}  // namespace espalier::train
