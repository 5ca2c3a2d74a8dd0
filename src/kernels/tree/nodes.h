// What all tree kernels share: how nodes are numbered and the hard walk from the root to a leaf.
//
// A layer has `trees` complete binary trees. Nodes are in heap order (root 0, children of i are 2i+1 left and
// 2i+2 right), rows of weights tree-major. In a neuron tree every node has a row, its last level included,
// and a decision goes right iff logit > 0; in a leaf tree only inner nodes have one (a gate), and it goes
// right iff logit >= 0. A leaf's number counts the last level from the left.
#pragma once

#include <cstdint>

#include "kernels/tree/rows.h"

namespace espalier::kernels {

// A tree has at most 2^24 leaves, so that a path's values fit into small arrays. That all rows of a forest
// have an int32 number is for the callers to check.
inline constexpr int kMaxDepth = 24;
inline constexpr int kMaxLevels = kMaxDepth + 1;

enum class TreeKind { kNeuron, kLeaf };

// The nodes' input rows. width: elements of a token.
struct TreeGates {
  TreeKind kind;
  int trees;
  int depth;
  std::int64_t width;
  const float* weight;  // [trees * rows(), width]
  const float* bias;    // [trees * rows()]

  std::int32_t leaves() const { return std::int32_t{1} << depth; }
  // Nodes that decide.
  std::int32_t inner() const { return leaves() - 1; }
  std::int32_t nodes() const { return 2 * leaves() - 1; }
  // Nodes of one tree that have a weight row, and levels that have.
  std::int32_t rows() const { return kind == TreeKind::kNeuron ? nodes() : inner(); }
  int levels() const { return kind == TreeKind::kNeuron ? depth + 1 : depth; }
  bool goes_right(float logit) const { return kind == TreeKind::kNeuron ? logit > 0 : logit >= 0; }

  RowSource source() const { return {weight, width}; }
  std::int32_t row(int tree, std::int32_t node) const { return tree * rows() + node; }
  float logit(int tree, std::int32_t node, const float* x) const {
    const std::int64_t at = row(tree, node);
    return row_dot(width, weight + at * width, x) + bias[at];
  }
};

// The node of `level` above `leaf` in a tree of `depth`.
inline std::int32_t path_node(int level, std::int32_t leaf, int depth) {
  return (std::int32_t{1} << level) - 1 + (leaf >> (depth - level));
}
// Whether the path to `leaf` turns right below `level`.
inline bool path_turns_right(int level, std::int32_t leaf, int depth) {
  return ((leaf >> (depth - 1 - level)) & 1) != 0;
}

// Walks by hard decisions from `node` at `level` to the last level, calls visit(level, node, logit) at each
// node that has a row, and returns the leaf.
template <class Visit>
std::int32_t walk_down(const TreeGates& gates, int tree, std::int32_t node, int level, const float* x,
                       const Visit& visit) {
  for (; level < gates.depth; ++level) {
    const float logit = gates.logit(tree, node, x);
    visit(level, node, logit);
    node = 2 * node + 1 + static_cast<std::int32_t>(gates.goes_right(logit));
  }
  if (gates.kind == TreeKind::kNeuron) visit(level, node, gates.logit(tree, node, x));
  return node - gates.inner();
}

// The hard path of one token in one tree: logits of its levels() nodes, and the leaf.
inline std::int32_t hard_path(const TreeGates& gates, int tree, const float* x, float* logits) {
  return walk_down(gates, tree, 0, 0, x,
                   [logits](int level, std::int32_t, float logit) { logits[level] = logit; });
}

// Rows of the nodes on the path to `leaf`, levels() of them, root first.
inline void path_rows(const TreeGates& gates, int tree, std::int32_t leaf, std::int32_t* rows) {
  for (int level = 0; level < gates.levels(); ++level) {
    rows[level] = gates.row(tree, path_node(level, leaf, gates.depth));
  }
}

}  // namespace espalier::kernels
