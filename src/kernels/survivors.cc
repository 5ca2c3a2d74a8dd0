#include "kernels/survivors.h"

#include <algorithm>

#include "kernels/gate.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kSampledTokens = 64;
// A survivor's products cost about four times their share of a dense product.
constexpr double kDenseShare = 0.25;

// Appends the surviving children of entry `at` (relative to `first`).
void append_children(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                     std::int64_t first, std::int64_t at, std::vector<Survivor>& entries, SoftSums& sums) {
  const Survivor parent = entries[static_cast<std::size_t>(first + at)];
  float c = gate_sigmoid(parent.logit, routing.temperature);
  if (routing.region_leak > 0 && is_leaked(gates, routing, token, tree, parent.node)) c = 1.0F - c;
  const Children children = divide(parent.rho, c, gates.goes_right(parent.logit), routing.epsilon);
  const auto place = static_cast<std::int32_t>(at);
  if (children.keep_left) {
    entries.push_back({2 * parent.node + 1, place, children.left, 0.0F});
  } else {
    sums.dropped_mass += static_cast<double>(children.left);
  }
  if (children.keep_right) {
    entries.push_back({2 * parent.node + 2, place, children.right, 0.0F});
  } else {
    sums.dropped_mass += static_cast<double>(children.right);
  }
}

}  // namespace

void append_survivors(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                      const float* x, SurvivorBlock& block, SoftSums& sums) {
  std::vector<Survivor>& entries = block.entries;
  const std::int64_t first = block.begin.back();
  entries.push_back({0, -1, 1.0F, 0.0F});
  for (std::int64_t i = first; i < static_cast<std::int64_t>(entries.size()); ++i) {
    Survivor& entry = entries[static_cast<std::size_t>(i)];
    if (entry.node < gates.rows()) entry.logit = gates.logit(tree, entry.node, x);
    if (entry.node >= gates.inner()) continue;
    if (routing.entropy) {
      sums.entropy += static_cast<double>(routing.entropy_weight(gates, entry.rho) *
                                          gate_entropy(entry.logit, routing.temperature));
    }
    append_children(gates, routing, token, tree, first, i - first, entries, sums);
  }
  block.begin.push_back(static_cast<std::int64_t>(entries.size()));
  sums.surviving_nodes += block.begin.back() - first;
}

void survivors_backward(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                        std::span<const Survivor> list, float entropy_gradient, const float* value,
                        float* below, float* dlogit) {
  std::fill_n(below, 2 * list.size(), 0.0F);
  // Children come after their parents, so that what lies below a node is complete when its turn comes.
  for (auto i = static_cast<std::int64_t>(list.size()) - 1; i >= 0; --i) {
    const Survivor& entry = list[static_cast<std::size_t>(i)];
    float subtree = value[i];
    if (entry.node < gates.inner()) {
      const float left = below[2 * i];
      const float right = below[2 * i + 1];
      float c = gate_sigmoid(entry.logit, routing.temperature);
      float slope = gate_slope(entry.logit, routing.temperature);
      dlogit[i] += entropy_gradient * routing.entropy_weight(gates, entry.rho) *
                   gate_entropy_gradient(entry.logit, routing.temperature, slope);
      if (routing.region_leak > 0 && is_leaked(gates, routing, token, tree, entry.node)) {
        c = 1.0F - c;
        slope = -slope;
      }
      subtree += c * right + (1.0F - c) * left;
      dlogit[i] += entry.rho * slope * (right - left);
    }
    if (entry.parent >= 0) below[2 * entry.parent + (entry.node % 2 == 0 ? 1 : 0)] = subtree;
  }
}

std::int32_t hard_path_of(const TreeGates& gates, std::span<const Survivor> list, float* logits) {
  std::int32_t node = 0;
  int level = 0;
  for (const Survivor& entry : list) {
    if (entry.node != node || level == gates.depth) continue;
    logits[level++] = entry.logit;
    node = 2 * node + 1 + static_cast<std::int32_t>(gates.goes_right(entry.logit));
  }
  return node - gates.inner();
}

bool dense_form_is_cheaper(const TreeGates& gates, const SoftRouting& routing, std::int64_t tokens,
                           const float* x) {
  if (routing.epsilon <= 0 || gates.depth == 0) return true;
  const std::int64_t sampled = std::min(tokens, kSampledTokens);
  SoftSums sums;
  SurvivorBlock block;
  for (std::int64_t i = 0; i < sampled; ++i) {
    const std::int64_t token = i * tokens / sampled;
    for (int k = 0; k < gates.trees; ++k) {
      append_survivors(gates, routing, token, k, x + token * gates.width, block, sums);
    }
  }
  const double all = static_cast<double>(sampled * gates.trees) * gates.nodes();
  return static_cast<double>(sums.surviving_nodes) > kDenseShare * all;
}

}  // namespace espalier::kernels
