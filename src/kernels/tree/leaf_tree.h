// A layer of trees with MLP leaves ("Fast feedforward networks", arXiv 2308.14711) as kernels see it: inner
// nodes are gates, right iff <x, w> + b >= 0, and a leaf computes W2^T act(W1 x + b1) + b2.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

enum class LeafActivation { kRelu, kGelu };

struct LeafTree {
  TreeGates gates;  // kind kLeaf
  std::int64_t leaf_width;
  std::int64_t output_width;
  LeafActivation activation;
  const float* w1;  // [trees * leaves, leaf_width, width]
  const float* b1;  // [trees * leaves, leaf_width]
  const float* w2;  // [trees * leaves, leaf_width, output_width]: a row a hidden unit
  const float* b2;  // [trees * leaves, output_width]

  // Weight rows of a node, gates and hidden units, on average.
  double rows_per_node() const {
    return static_cast<double>(gates.inner() + gates.leaves() * leaf_width) / gates.nodes();
  }
  std::int64_t all_leaves() const { return std::int64_t{gates.trees} * gates.leaves(); }
  // The number of a leaf over all trees.
  std::int32_t leaf_row(int tree, std::int32_t leaf) const { return tree * gates.leaves() + leaf; }
};

// Gradients, of the shapes of LeafTree's members (and of gates.weight, gates.bias), and of x.
struct LeafTreeGradients {
  Destination x, gate_weight, gate_bias, w1, b1, w2, b2;
};

}  // namespace espalier::kernels
