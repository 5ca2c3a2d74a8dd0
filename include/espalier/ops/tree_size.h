// What a layer of trees is made of: how many nodes it has, and how many of them a token meets (the only place
// that counts them), and what its leaves compute.
#pragma once

#include <cstdint>

namespace espalier::ops {

// Of trees that can be computed; weights of 2^24 leaves are far beyond any memory.
inline constexpr int kMaxTreeDepth = 24;

// Of the hidden units of an MLP leaf.
enum class LeafActivation { kRelu, kGelu };

// `trees` complete binary trees with `depth` levels of decisions: the inner nodes decide, and 2^depth leaves
// lie on the level below. trees >= 0; depth from 0 to 61.
struct TreeSize {
  std::int64_t trees = 1;
  std::int64_t depth = 0;

  constexpr std::int64_t leaves_per_tree() const { return std::int64_t{1} << depth; }
  constexpr std::int64_t inner_per_tree() const { return leaves_per_tree() - 1; }
  constexpr std::int64_t nodes_per_tree() const { return 2 * leaves_per_tree() - 1; }

  constexpr std::int64_t leaves() const { return trees * leaves_per_tree(); }
  constexpr std::int64_t inner() const { return trees * inner_per_tree(); }
  constexpr std::int64_t nodes() const { return trees * nodes_per_tree(); }

  // On the hard paths of one token through all trees: nodes, and those of them that decide.
  constexpr std::int64_t path_nodes() const { return trees * (depth + 1); }
  constexpr std::int64_t path_inner() const { return trees * depth; }
};

}  // namespace espalier::ops
