#include "kernels/leaf_tree_hard.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "espalier/base/parallel.h"
#include "kernels/gate.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kTokenGrain = 32;

// Calls body(mlp, token, path) for every token, one tree after the other and in the order of leaves, so that
// tokens of a leaf meet its weights while they are cached. Tokens of one tree run in parallel.
template <class Body>
void for_each_by_leaf(const LeafTree& tree, std::int64_t tokens, const std::int32_t* leaf, const Body& body) {
  const int trees = tree.gates.trees;
  Scratch<std::int32_t> leaves(tokens);
  Scratch<std::int32_t> all(tokens);
  std::iota(all.data(), all.data() + tokens, 0);
  for (int k = 0; k < trees; ++k) {
    for (std::int64_t token = 0; token < tokens; ++token) leaves[token] = leaf[token * trees + k];
    const RowUses uses(tree.gates.leaves(), tokens, leaves.data(), all.data());
    parallel_for(tokens, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
      LeafMlp mlp(tree);
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t token = uses.tokens()[i];
        body(mlp, token, k, token * trees + k);
      }
    });
  }
}

// Adds the decisions' gradients to dlogit [depth] of one token in one tree whose own leaf has `value`.
SiblingCounts add_decision_gradients(const LeafTree& tree, LeafMlp& mlp, int k, const float* x,
                                     const float* dy, const float* logits, std::int32_t leaf, float value,
                                     const StraightThrough& options, float* dlogit) {
  const int depth = tree.gates.depth;
  SiblingCounts counts;
  for (int level = 0; level < depth; ++level) {
    const float slope = gate_slope(logits[level], options.temperature);
    dlogit[level] = 0;
    if (slope < options.epsilon) continue;
    const bool right = path_turns_right(level, leaf, depth);
    const std::int32_t sibling = 2 * path_node(level, leaf, depth) + (right ? 1 : 2);
    const std::int32_t other_leaf =
        walk_down(tree.gates, k, sibling, level + 1, x, [](int, std::int32_t, float) {});
    const float other = mlp.value(tree.leaf_row(k, other_leaf), x, dy);
    dlogit[level] = slope * (right ? value - other : other - value);
    counts.gates += depth - level - 1;
    ++counts.leaves;
  }
  return counts;
}

}  // namespace

void leaf_tree_hard_forward(const LeafTree& tree, std::int64_t tokens, const float* x, float* logits,
                            std::int32_t* leaf, float* pre, float* y) {
  const TreeGates& gates = tree.gates;
  parallel_for(tokens, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    for (int k = 0; k < gates.trees; ++k) {
      for (std::int64_t token = begin; token < end; ++token) {
        const std::int64_t path = token * gates.trees + k;
        leaf[path] = hard_path(gates, k, x + token * gates.width, logits + path * gates.depth);
      }
    }
  });
  for_each_by_leaf(tree, tokens, leaf, [&](LeafMlp& mlp, std::int64_t token, int k, std::int64_t path) {
    const std::int32_t row = tree.leaf_row(k, leaf[path]);
    float* own = pre + path * tree.leaf_width;
    mlp.hidden(row, x + token * gates.width, own);
    mlp.add_output(row, 1.0F, own, k > 0, y + token * tree.output_width);
  });
}

SiblingCounts leaf_tree_hard_backward(const LeafTree& tree, std::int64_t tokens, const float* x,
                                      const float* dy, const float* logits, const std::int32_t* leaf,
                                      const float* pre, const StraightThrough* straight_through,
                                      const LeafTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::int64_t paths = tokens * gates.trees;
  const int decisions = straight_through == nullptr ? 0 : gates.depth;
  LeafUses leaves(paths, tree.leaf_width);
  GateUses uses(paths * decisions);
  std::vector<SiblingCounts> counts(static_cast<std::size_t>(paths));
  std::fill_n(leaves.weight.data(), paths, 1.0F);
  for_each_by_leaf(tree, tokens, leaf, [&](LeafMlp& mlp, std::int64_t token, int k, std::int64_t path) {
    const float* own_x = x + token * gates.width;
    const float* own_dy = dy + token * tree.output_width;
    const std::int32_t row = tree.leaf_row(k, leaf[path]);
    float* dpre = leaves.dpre.data() + path * tree.leaf_width;
    leaves.leaf[path] = row;
    leaves.token[path] = static_cast<std::int32_t>(token);
    const float value = mlp.backward(row, 1.0F, pre + path * tree.leaf_width, own_dy, dpre,
                                     leaves.activation.data() + path * tree.leaf_width);
    float* dx = gradients.x.data == nullptr ? nullptr : gradients.x.data + token * gates.width;
    if (dx != nullptr) mlp.add_input_gradient(row, dpre, gradients.x.accumulate || k > 0, dx);
    if (straight_through == nullptr) return;
    const std::int64_t at = path * decisions;
    path_rows(gates, k, leaf[path], uses.row.data() + at);
    std::fill_n(uses.token.data() + at, decisions, static_cast<std::int32_t>(token));
    counts[static_cast<std::size_t>(path)] =
        add_decision_gradients(tree, mlp, k, own_x, own_dy, logits + at, leaf[path], value, *straight_through,
                               uses.dlogit.data() + at);
    if (dx != nullptr) {
      weighted_row_sum(decisions, uses.row.data() + at, {uses.dlogit.data() + at}, gates.source(),
                       gates.width, true, dx);
    }
  });
  leaf_weight_gradients(tree, leaves, x, dy, gradients);
  gate_weight_gradients(tree, uses, x, gradients);
  return std::accumulate(counts.begin(), counts.end(), SiblingCounts(), [](SiblingCounts a, SiblingCounts b) {
    return SiblingCounts{a.gates + b.gates, a.leaves + b.leaves};
  });
}

}  // namespace espalier::kernels
