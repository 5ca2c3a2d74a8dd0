#include "espalier/config/routing_config.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::config {

using ops::EntropyForm;
using ops::RoutingMode;

using RoutingNames = std::vector<std::pair<std::string, Routing>>;

static const RoutingNames& routing_names() {
  static const RoutingNames names = {{"hard", Routing::kHard},
                                     {"soft", Routing::kSoft},
                                     {"anneal", Routing::kAnneal},
                                     {"straight_through", Routing::kStraightThrough},
                                     {"frozen", Routing::kFrozen}};
  return names;
}

std::string routing_name(Routing mode) {
  for (const auto& [name, value] : routing_names()) {
    if (value == mode) return name;
  }
  return "";
}

std::vector<std::string> all_routing_names() {
  std::vector<std::string> names;
  for (const auto& [name, value] : routing_names()) names.push_back(name);
  return names;
}

static void describe_soft(RoutingConfig& routing, Fields& fields) {
  fields.add("routing.temperature", routing.temperature, "soft: tau in c = sigmoid(logit / tau).", above(0));
  fields.add("routing.entropy_weight", routing.entropy_weight,
             "soft: weight h of the decisions' entropy in the loss.", at_least(0));
  fields.choice(
      "routing.entropy", routing.entropy_form,
      {{"path", EntropyForm::kPath}, {"all_nodes", EntropyForm::kAllNodes}},
      "Entropy of the nodes a token reaches, weighted by its path probability, or the mean over all nodes "
      "(fastfeedforward; unpruned soft routing only).");
  fields.add(
      "routing.region_leak", routing.region_leak,
      "soft and anneal: probability that a decision c is replaced by 1 - c, per token and node, in training.",
      fraction_below_one());
  fields.add(
      "routing.epsilon", routing.epsilon,
      "soft: a branch whose path probability is at most this is dropped, except the hard path; 0 drops none.",
      fraction_below_one());
}

static void describe_anneal(RoutingConfig& routing, Fields& fields) {
  fields.add("routing.anneal.start", routing.anneal_start,
             "Used fraction of the budget until which routing is soft at temperature0.", fraction());
  fields.add("routing.anneal.end", routing.anneal_end,
             "Used fraction from which routing is `finish`; between start and end the temperature falls "
             "geometrically, the entropy weight rises linearly, and branches are pruned.",
             fraction());
  fields.add("routing.anneal.temperature0", routing.anneal_temperature0, "Temperature until start.",
             above(0));
  fields.add("routing.anneal.temperature1", routing.anneal_temperature1, "Temperature at end.", above(0));
  fields.add("routing.anneal.entropy0", routing.anneal_entropy0, "Entropy weight until start.", at_least(0));
  fields.add("routing.anneal.entropy1", routing.anneal_entropy1, "Entropy weight at end.", at_least(0));
  fields.add(
      "routing.anneal.epsilon", routing.anneal_epsilon,
      "Path probability at or below which a branch is dropped after start; -1 means a quarter of 2^-depth, "
      "which keeps every branch of an undecided token.",
      {.low = -1, .high = 1, .high_excluded = true});
  fields.choice("routing.anneal.finish", routing.anneal_finish,
                {{"hard", RoutingMode::kHard}, {"straight_through", RoutingMode::kStraightThrough}},
                "Routing after end.");
}

void describe_routing(RoutingConfig& routing, RoutingUse use, Fields& fields) {
  RoutingNames names = routing_names();
  std::string help =
      "hard: one path a token, decisions get no gradient of their own (the published training); soft: the "
      "mixture of all paths; anneal: soft first, hard at the end; straight_through: hard forward, the "
      "sigmoid's gradient for decisions";
  if (use == RoutingUse::kFinetuning) {
    help +=
        "; frozen: hard, and the weights and biases of every node that decides keep the model's values (a "
        "path may still change with the states below). Scores are by hard routing in every mode";
  } else {
    std::erase_if(names, [](const auto& name) { return name.second == Routing::kFrozen; });
  }
  fields.choice("routing.mode", routing.mode, names, help + ".");
  describe_soft(routing, fields);
  describe_anneal(routing, fields);
  fields.add("routing.straight_through.temperature0", routing.ste_temperature0,
             "Temperature of the sigmoid at the beginning.", above(0));
  fields.add("routing.straight_through.temperature1", routing.ste_temperature1,
             "Temperature from `until` on; it falls geometrically before.", above(0));
  fields.add("routing.straight_through.until", routing.ste_until,
             "Used fraction of the budget at which temperature1 is reached.", fraction());
  fields.add("routing.straight_through.epsilon", routing.ste_epsilon,
             "A sibling's path is skipped where sigma'(logit / tau) / tau is below this; 0 skips none.",
             at_least(0));
  for (const char* keys : {"routing.temperature", "routing.entropy", "routing.epsilon"})
    fields.goes_with(keys, "routing.mode", {"soft"});
  fields.goes_with("routing.region_leak", "routing.mode", {"soft", "anneal"});
  fields.goes_with("routing.anneal.", "routing.mode", {"anneal"});
  fields.goes_with("routing.straight_through.", "routing.mode", {"straight_through"});
  fields.goes_with("routing.straight_through.epsilon",
                   {{"routing.mode", {"anneal"}}, {"routing.anneal.finish", {"straight_through"}}});
}

void require_trees(std::span<const Setting> given, const std::string& layers) {
  for (const Setting& setting : given) {
    if (setting.where != kCommandLine || !setting.key.starts_with("routing.")) continue;
    if (setting.key == "routing.mode" &&
        setting.values == std::vector<std::string>{routing_name(Routing::kHard)})
      continue;
    throw InputError(fmt::format(
        "{}: {} goes with trees; the feedforward layers here are {}, which route nothing: leave it out",
        setting.where, setting.key, layers));
  }
}

void validate(const RoutingConfig& routing) {
  if (routing.anneal_epsilon < 0 && routing.anneal_epsilon != -1) {
    throw InputError(
        fmt::format("routing.anneal.epsilon must be -1 or in [0, 1), got {}", routing.anneal_epsilon));
  }
  if (routing.anneal_start > routing.anneal_end) {
    throw InputError(fmt::format("routing.anneal.start ({}) must not be after routing.anneal.end ({})",
                                 routing.anneal_start, routing.anneal_end));
  }
  if (routing.entropy_form != EntropyForm::kAllNodes) return;
  if (routing.mode != Routing::kSoft || routing.epsilon > 0) {
    throw InputError(
        "routing.entropy: all_nodes needs every node of every token: use routing.mode: soft with "
        "routing.epsilon: 0, "
        "or routing.entropy: path");
  }
}

}  // namespace espalier::config
