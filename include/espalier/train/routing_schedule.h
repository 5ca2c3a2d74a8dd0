// The routing of trees as training goes on: from the `routing` keys and the used fraction of the budget to
// what one forward pass does.
#pragma once

#include "espalier/config/routing_config.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/options.h"
#include "espalier/ops/tree_routing.h"

namespace espalier::train {

struct RoutingState {
  ops::TreeRouting trees;
  double entropy_weight = 0;  // h, the weight of the entropy in the loss
  bool soft = false;          // routing is a mixture in this step
};

// The state at used fraction `t` in [0, 1]. Anneal: until start soft at (temperature0, entropy0); then the
// temperature falls geometrically, the entropy weight rises linearly and pruning is on; from end on,
// `finish`. Straight-through: the temperature falls geometrically until `until`.
RoutingState routing_at(const config::RoutingConfig& config, std::int64_t depth, double t);

// The pruning threshold of anneal: the configured one, or a quarter of 2^-depth.
double anneal_epsilon(const config::RoutingConfig& config, std::int64_t depth);

// Whether the trees are trained as a mixture at some time, so that a hardening gap means something.
bool trained_softly(const config::RoutingConfig& config);

// What a checkpoint says of trees that are trained so and stand there.
model::RoutingProvenance provenance_of(const config::RoutingConfig& config, const RoutingState& now);

// A warning for a threshold that would drop branches of an undecided token (its leaves have probability
// 2^-depth); empty if there is none.
std::string epsilon_warning(const config::RoutingConfig& config, std::int64_t depth);

}  // namespace espalier::train
