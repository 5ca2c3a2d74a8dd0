// Trees with MLP leaves ("Fast feedforward networks", arXiv 2308.14711):
//
//   y = sum over trees and leaves of  rho * MLP_leaf(x)
//
// A gate goes right iff <x, w> + b >= 0 (hard, straight-through), or with probability c = sigmoid(logit /
// temperature) (soft); rho is the indicator of the path or the product of its choices. x [..., d] -> [...,
// d_out]. Routing, pruning, region leak, entropy, statistics and errors as in ops/neuron_tree.h; the value
// v(m) of a child in straight-through routing is <dy, output of the leaf that hard decisions lead to from
// there>: `depth` more leaves and depth (depth - 1) / 2 more gates a token and tree.
#pragma once

#include "espalier/ops/tree_routing.h"
#include "espalier/ops/tree_size.h"
#include "espalier/ops/tree_statistics.h"

namespace espalier::ops {

struct LeafTreeOptions {
  int trees = 1;
  int depth = 0;
  LeafActivation activation = LeafActivation::kRelu;
};

// The weights of L = trees * 2^depth leaves and trees * (2^depth - 1) gates, tree-major; gates in heap order,
// leaves from left to right. A leaf computes W2^T act(W1 x + b1) + b2.
struct LeafTreeWeights {
  Variable gate_weight;    // [trees * (2^depth - 1), d]; gates may be undefined where depth is 0
  Variable gate_bias;      // [trees * (2^depth - 1)]
  Variable leaf_in;        // W1 [L, leaf_width, d]
  Variable leaf_in_bias;   // b1 [L, leaf_width]
  Variable leaf_out;       // W2 [L, leaf_width, d_out]: a row a hidden unit
  Variable leaf_out_bias;  // b2 [L, d_out]
};

// x [..., d] -> [..., d_out]. `training`, `statistics` and errors as neuron_tree's.
TreeResult leaf_tree(const Variable& x, const LeafTreeWeights& weights, const LeafTreeOptions& options,
                     const TreeRouting& routing, bool training, TreeStatistics* statistics = nullptr);

}  // namespace espalier::ops
