#include "ops/tree_common.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "espalier/base/error.h"
#include "kernels/tree/gate.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

static_assert(kMaxTreeDepth == kernels::kMaxDepth);

void require_number(const char* op, const char* name, float value, bool valid, const char* expected) {
  if (!valid) fail(op, fmt::format("{} must be {}, got {}", name, expected, value));
}

// An empty record of the right size, unless passes were counted before.
void prepare(const HardPaths& paths, TreeStatistics& statistics) {
  if (statistics.trees == 0) {
    statistics.trees = paths.trees;
    statistics.depth = paths.depth;
    statistics.entropy.assign(static_cast<std::size_t>(paths.depth), 0.0);
    statistics.undecided.assign(static_cast<std::size_t>(paths.depth), 0);
    statistics.leaf_tokens.assign(static_cast<std::size_t>(statistics.size().leaves()), 0);
  }
  ESPALIER_CHECK(statistics.trees == paths.trees && statistics.depth == paths.depth);
}

}  // namespace

void require_tree(const char* op, int trees, int depth) {
  if (trees < 1) fail(op, fmt::format("trees must be at least 1, got {}", trees));
  if (depth < 0 || depth > kMaxTreeDepth) {
    fail(op, fmt::format("depth must be from 0 to {}, got {}", kMaxTreeDepth, depth));
  }
  const std::int64_t nodes = TreeSize{trees, depth}.nodes();
  if (nodes > std::numeric_limits<std::int32_t>::max()) {
    fail(op, fmt::format("{} trees of depth {} have {} nodes; at most 2147483647 are supported", trees, depth,
                         nodes));
  }
}

void require_routing(const char* op, const TreeRouting& routing) {
  const float tau = routing.temperature;
  require_number(op, "routing.temperature", tau, std::isfinite(tau) && tau > 0, "positive and finite");
  const float epsilon = routing.epsilon;
  require_number(op, "routing.epsilon", epsilon, epsilon >= 0 && epsilon < 1, "in [0, 1)");
  const float leak = routing.region_leak;
  require_number(op, "routing.region_leak", leak, leak >= 0 && leak <= 1, "in [0, 1]");
  require_number(op, "routing.ste_epsilon", routing.ste_epsilon, routing.ste_epsilon >= 0, "at least 0");
  if (!routing.entropy || routing.entropy_form == EntropyForm::kPath) return;
  if (routing.mode != RoutingMode::kSoft) {
    fail(op,
         "entropy over all nodes needs soft routing, because other modes do not compute all nodes; use the "
         "path form");
  }
  if (routing.epsilon > 0) {
    fail(op,
         fmt::format("entropy over all nodes needs unpruned routing, but routing.epsilon is {}; set it to 0 "
                     "or use the path form",
                     routing.epsilon));
  }
}

kernels::SoftRouting soft_routing(const TreeRouting& routing, bool training, int depth) {
  kernels::SoftRouting soft;
  soft.temperature = routing.temperature;
  soft.epsilon = routing.epsilon;
  soft.entropy = routing.mode == RoutingMode::kSoft && routing.entropy && depth > 0;
  soft.entropy_of_all_nodes = routing.entropy_form == EntropyForm::kAllNodes;
  soft.region_leak = training ? routing.region_leak : 0.0F;
  soft.leak_seed = routing.leak_seed;
  soft.leak_step = routing.leak_step;
  return soft;
}

HardPaths::HardPaths(const kernels::TreeGates& gates, std::int64_t tokens_in, int levels_in)
    : trees(gates.trees),
      depth(gates.depth),
      levels(levels_in),
      tokens(tokens_in),
      logits(Tensor::empty({tokens_in, gates.trees, levels_in})) {
  if (gates.kind == kernels::TreeKind::kLeaf || depth > 0) leaf = IntTensor::empty({tokens, trees});
}

void add_paths(const HardPaths& paths, float temperature, TreeStatistics& statistics) {
  prepare(paths, statistics);
  statistics.tokens += paths.tokens;
  const auto leaves = static_cast<std::size_t>(statistics.size().leaves_per_tree());
  const std::int32_t* leaf = paths.leaves();
  for (std::int64_t path = 0; path < paths.tokens * paths.trees; ++path) {
    const auto tree = static_cast<std::size_t>(path % paths.trees);
    ++statistics.leaf_tokens[tree * leaves + static_cast<std::size_t>(leaf == nullptr ? 0 : leaf[path])];
    for (int level = 0; level < paths.depth; ++level) {
      const float logit = paths.logits.data()[path * paths.levels + level];
      const auto at = static_cast<std::size_t>(level);
      statistics.entropy[at] += static_cast<double>(kernels::gate_entropy(logit, temperature));
      const float c = kernels::gate_sigmoid(logit, temperature);
      if (std::abs(c - 0.5F) < 0.1F) ++statistics.undecided[at];
    }
  }
}

void add_soft_sums(const kernels::SoftSums& sums, TreeStatistics& statistics) {
  statistics.surviving_nodes += static_cast<double>(sums.surviving_nodes);
  statistics.dropped_mass += sums.dropped_mass;
}

Tensor mean_entropy(const kernels::SoftSums& sums, std::int64_t tokens, int trees) {
  const double count = std::max(1.0, static_cast<double>(tokens) * trees);
  return Tensor::full(Shape{}, static_cast<float>(sums.entropy / count));
}

float entropy_gradient(const Tensor& grad, std::int64_t tokens, int trees) {
  if (!grad.defined() || tokens == 0) return 0.0F;
  return grad.data()[0] / (static_cast<float>(tokens) * static_cast<float>(trees));
}

Tensor grad_or_zeros(const Tensor& grad, const Shape& shape) {
  return grad.defined() ? grad : Tensor::zeros(shape);
}

Kept kept_first(const Variables& in, Precision precision) {
  for (const Variable& input : in) {
    if (records_gradient({input})) return {in[0].value(), precision};
  }
  return {};
}

Variables without_first_value(Variables in) {
  in[0] = in[0].without_value();
  return in;
}

}  // namespace espalier::ops
