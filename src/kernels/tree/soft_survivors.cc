#include "kernels/tree/soft_survivors.h"

#include <algorithm>

#include "kernels/tree/gate.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kSampledTokens = 64;
// What a survivor costs besides its rows' share of dense products, in rows. Measured with AVX-512, forward
// and backward: the forms cost the same where 18 % of the nodes of a tree of neurons survive (widths 192 to
// 768), and 18, 39 and 70 % of those of a tree of 256 leaves with 1, 4 and 16 hidden units (width 768).
constexpr double kRowsOfOverhead = 4.5;
// Elements a vector function takes at once, at most: lists are padded to it, because a partial vector is
// slow.
constexpr std::size_t kPadding = 16;

}  // namespace

// The logits and decisions c of one level's survivors.
void SurvivorFinder::evaluate(std::int64_t token, int tree, const float* x, std::span<Survivor> level) {
  rows_.clear();
  for (const Survivor& entry : level) rows_.push_back(gates_.row(tree, entry.node));
  const auto count = static_cast<std::int64_t>(level.size());
  const std::size_t padded = (level.size() + kPadding - 1) / kPadding * kPadding;
  logits_.resize(padded);
  c_.resize(padded);
  row_dots(count, rows_.data(), gates_.source(), gates_.width, x, logits_.data());
  for (std::size_t i = 0; i < level.size(); ++i) {
    logits_[i] += gates_.bias[rows_[i]];
    level[i].logit = logits_[i];
  }
  gate_sigmoid(static_cast<std::int64_t>(padded), routing_.temperature, logits_.data(), c_.data());
  if (routing_.region_leak <= 0) return;
  for (std::size_t i = 0; i < level.size(); ++i) {
    if (is_leaked(gates_, routing_, token, tree, level[i].node)) c_[i] = 1.0F - c_[i];
  }
}

void SurvivorFinder::append_children(const Survivor& parent, std::int32_t place, float c,
                                     PoolVector<Survivor>& entries, SoftSums& sums) const {
  const Children children = divide(parent.rho, c, gates_.goes_right(parent.logit), routing_.epsilon);
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

void SurvivorFinder::append(std::int64_t token, int tree, const float* x, SurvivorBlock& block,
                            SoftSums& sums) {
  PoolVector<Survivor>& entries = block.entries;
  const auto first = static_cast<std::size_t>(block.begin.back());
  entries.push_back({0, -1, 1.0F, 0.0F});
  std::size_t begin = first;
  for (int level = 0; level < gates_.levels(); ++level) {
    const std::size_t end = entries.size();
    evaluate(token, tree, x, std::span(entries).subspan(begin, end - begin));
    if (level == gates_.depth) break;
    for (std::size_t i = begin; i < end; ++i) {
      const Survivor entry = entries[i];
      if (routing_.entropy) {
        sums.entropy += static_cast<double>(routing_.entropy_weight(gates_, entry.rho) *
                                            gate_entropy(entry.logit, routing_.temperature));
      }
      append_children(entry, static_cast<std::int32_t>(i - first), c_[i - begin], entries, sums);
    }
    begin = end;
  }
  block.begin.push_back(static_cast<std::int64_t>(entries.size()));
  sums.surviving_nodes += static_cast<std::int64_t>(entries.size() - first);
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
                           const float* x, double rows_per_node) {
  if (routing.epsilon <= 0 || gates.depth == 0) return true;
  const std::int64_t sampled = std::min(tokens, kSampledTokens);
  SoftSums sums;
  SurvivorBlock block;
  SurvivorFinder finder(gates, routing);
  for (std::int64_t i = 0; i < sampled; ++i) {
    const std::int64_t token = i * tokens / sampled;
    for (int k = 0; k < gates.trees; ++k) {
      finder.append(token, k, x + token * gates.width, block, sums);
    }
  }
  const double all = static_cast<double>(sampled * gates.trees) * gates.nodes();
  return static_cast<double>(sums.surviving_nodes) * (rows_per_node + kRowsOfOverhead) > all * rows_per_node;
}

}  // namespace espalier::kernels
