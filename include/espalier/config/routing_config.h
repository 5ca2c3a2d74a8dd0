// The `routing` mapping: how trees are trained, from soft to hard.
#pragma once

#include <span>
#include <string>

#include "espalier/config/fields.h"
#include "espalier/ops/tree_routing.h"

namespace espalier::config {

enum class Routing {
  kHard,
  kSoft,
  kAnneal,
  kStraightThrough,
  kFrozen,  // hard, and what decides does not learn; fine-tuning only
};

// What is trained: a model from the start, or one whose trees have learned to route.
enum class RoutingUse { kPretraining, kFinetuning };

// "anneal", as in the configuration.
std::string routing_name(Routing mode);
std::vector<std::string> all_routing_names();

struct RoutingConfig {
  Routing mode = Routing::kHard;
  // soft
  double temperature = 1.0;
  double entropy_weight = 0.0;
  ops::EntropyForm entropy_form = ops::EntropyForm::kPath;
  double region_leak = 0.0;
  double epsilon = 0.0;
  // anneal, over the used fraction of the budget
  double anneal_start = 0.1;
  double anneal_end = 0.7;
  double anneal_temperature0 = 1.0;
  double anneal_temperature1 = 0.1;
  double anneal_entropy0 = 0.0;
  double anneal_entropy1 = 0.1;
  double anneal_epsilon = -1.0;  // -1: a quarter of 2^-depth
  ops::RoutingMode anneal_finish = ops::RoutingMode::kStraightThrough;
  // straight-through, over the used fraction of the budget
  double ste_temperature0 = 1.0;
  double ste_temperature1 = 0.3;
  double ste_until = 0.8;
  double ste_epsilon = 0.0;
};

void describe_routing(RoutingConfig& routing, RoutingUse use, Fields& fields);
// Of a model without trees, whose feedforward layers are `layers`: InputError for a key of routing that
// stands on the command line. What such a model does anyway, routing.mode=hard, may stand there.
void require_trees(std::span<const Setting> given, const std::string& layers);
// Throws InputError naming the key when keys contradict each other.
void validate(const RoutingConfig& routing);

}  // namespace espalier::config
