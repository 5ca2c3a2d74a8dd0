// What a fine-tuning saves of itself.
#include <algorithm>

#include "espalier/train/routing_schedule.h"
#include "train/agreement.h"
#include "train/finetune_run.h"
#include "train/optimizer_tensors.h"
#include "train/task_columns.h"

namespace espalier::train {

void describe(FinetuneState& state, io::JsonFields& fields) {
  fields.add("step", state.step);
  fields.add("seconds", state.seconds);
  fields.add("eval_seconds", state.eval_seconds);
  fields.add("tokens", state.tokens);
  fields.add("positions", state.positions);
  fields.add("loss_sum", state.loss_sum);
  fields.add("inputs", state.inputs);
  fields.add("best_metric", state.best_metric);
}

model::LabelInfo FinetuneRun::label_info() const {
  model::LabelInfo info;
  info.regression = data.train.regression;
  if (!info.regression) info.labels = data.train.labels.names();
  return info;
}

// Of trees that were trained hard from here on hard routing is no change, whatever they were before; how soft
// they were then remains known.
model::RoutingProvenance FinetuneRun::provenance() const {
  model::RoutingProvenance routing = base.routing;
  if (!nn::has_trees(base.arch.ffn)) return routing;
  routing.mode = config::routing_name(config.routing.mode);
  const model::RoutingProvenance own =
      provenance_of(config.routing, routing_at(config.routing, base.arch.ffn.depth, used_fraction()));
  if (own.trained_softly) return own;
  routing.finished = true;
  routing.hardening_gap.reset();
  if (config.routing.mode == config::Routing::kHard || config.routing.mode == config::Routing::kFrozen)
    return routing;
  routing.temperature = own.temperature;
  routing.epsilon = own.epsilon;
  routing.ste_epsilon = own.ste_epsilon;
  return routing;
}

io::Checkpoint FinetuneRun::checkpoint() {
  io::Checkpoint checkpoint = model::model_checkpoint(model, label_info(), provenance(), base.tokenizer_json);
  checkpoint.metadata["task"] =
      io::to_json(columns_of(config.task, std::min(config.max_length, base.arch.embedding.max_positions)));
  checkpoint.optimizer = optimizer_tensors(updater.optimizer());
  checkpoint.state = io::to_json(state);
  checkpoint.config_yaml = config::dump(config);
  checkpoint.metrics_jsonl = directory.metrics();
  return checkpoint;
}

void FinetuneRun::save(bool best) {
  require_same_weights(model, state.step);
  directory.save(checkpoint(), state.step, best, kKeptCheckpoints);
  write_trainer_state();
}

void FinetuneRun::write_trainer_state() const {
  directory.write_trainer_state(state.step, epoch(), end_step(), state.best_metric);
}

}  // namespace espalier::train
