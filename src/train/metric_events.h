// A line of metrics.jsonl as TensorBoard shows it.
#pragma once

#include <vector>

#include "espalier/config/fields.h"
#include "espalier/config/resume_rule.h"
#include "espalier/io/json.h"
#include "io/event_file.h"

namespace espalier::train {

// Scalars are named as by the Trainer of Hugging Face: KEY of a step's line is train/KEY, eval_KEY is
// eval/KEY, and an interval eval/KEY_interval/low and /high; errors of a distillation's layers are
// eval/layer_errors/layerN. Trees have what trackers of mixture-of-experts models show, for each layer N
// that has any, by hard routing on the held-out data:
//
//   routing/layerN/dead_fraction       share of leaves that no token used
//   routing/layerN/max_load            largest share of the tokens that one leaf takes
//   routing/layerN/leaf_diversity      exp(entropy of leaf usage) / leaves, mean over trees; 1: uniform
//   routing/layerN/routing_entropy     binary entropy of a decision, nats, mean over levels
//   routing/layerN/undecided_fraction  share of decisions within 0.1 of one half, mean over levels
//   routing/layerN/levelK/...          the last two, of one level
//   routing/layerN/treeT/load          histogram: tokens by leaf, from left to right
//
// Numbers that are null in the line are left out.
io::EventSummary summary_of(const io::Json& line);

// What a run depends on: the settings that a run which is continued may not change freely.
io::Hyperparameters hyperparameters_of(const std::vector<config::Setting>& settings,
                                       const config::ResumeRules& rules);

}  // namespace espalier::train
