// What is counted where tokens find their way through fast feedforward trees.
#pragma once

#include <cstdint>
#include <span>

#include "espalier/ops/tree_size.h"
#include "espalier/tensor/pool.h"

namespace espalier::ops {

// Counts gathered over any number of forward passes through one layer; sums, so that passes can be added.
struct TreeStatistics {
  int depth = 0;
  int trees = 0;
  std::int64_t tokens = 0;
  // One entry for each deciding level 0 .. depth-1, summed over tokens and trees, of the nodes on the HARD
  // path:
  PoolVector<double> entropy;          // binary entropy (nats) of sigmoid(logit / temperature)
  PoolVector<std::int64_t> undecided;  // decisions with |sigmoid(logit / temperature) - 0.5| < 0.1
  // Tokens that ended in each leaf position by hard decisions, [trees * 2^depth], tree-major.
  PoolVector<std::int64_t> leaf_tokens;
  // Soft routing: nodes evaluated and path probability dropped by pruning, summed over tokens and trees.
  double surviving_nodes = 0;
  double dropped_mass = 0;

  TreeSize size() const { return {trees, depth}; }
  void add(const TreeStatistics& other);
  double mean_entropy(int level) const;
  double undecided_share(int level) const;
  // Share of leaves that at least one token used.
  double leaves_used() const;
  // As below, of a tree.
  double leaf_perplexity(int tree) const;
  double mean_leaf_perplexity() const;
  // The largest share of tokens that one leaf of any tree takes.
  double largest_leaf_share() const;
};

// exp(entropy of leaf usage): between 1 (one leaf takes all) and the number of leaves (uniform); 0 without
// tokens.
double leaf_perplexity(std::span<const std::int64_t> leaf_tokens);

// One a layer.
using LayerStatistics = PoolVector<TreeStatistics>;

}  // namespace espalier::ops
