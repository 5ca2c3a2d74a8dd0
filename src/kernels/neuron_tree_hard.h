// The hard tree of neurons (UltraFastBERT, arXiv 2311.10770), computed conditionally: a token touches depth +
// 1 nodes of each tree, forward and backward. Shallow forests, of whose nodes these are a good part, are
// computed by dense products (neuron_tree_hard_dense.h). With straight-through routing the decisions get the
// gradient of
//   c = [logit > 0] + sigmoid(logit / tau) - stop_gradient(sigmoid(logit / tau)),
// which needs depth (depth + 1) / 2 nodes more a tree, only read, in the backward pass.
#pragma once

#include <cstdint>

#include "kernels/tree.h"

namespace espalier::kernels {

struct NeuronTree {
  TreeGates gates;  // kind kNeuron
  std::int64_t output_width;
  const float* w_out;  // [trees * nodes, output_width]

  RowSource output_source() const { return {w_out, output_width}; }
};

struct NeuronTreeGradients {
  Destination x;      // [tokens, width]
  Destination w_in;   // [trees * nodes, width]
  Destination bias;   // [trees * nodes]
  Destination w_out;  // [trees * nodes, output_width]
};

// x [tokens, width] -> y [tokens, output_width]; leaves the path for backward:
// logits [tokens, trees, depth + 1], root first, and leaf [tokens, trees], which may be null at depth 0.
void neuron_tree_hard_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                              std::int32_t* leaf, float* y);

// Of straight-through routing: temperature > 0; siblings with sigmoid'(logit / temperature) / temperature <
// epsilon are skipped.
struct StraightThrough {
  float temperature;
  float epsilon;
};

// Tokens that weight gradients are summed over at a time: in the order of leaves within such a group, group
// after group. It follows the size of a tree, so that each of its rows is read and written for some eight
// tokens (in a forest, whose trees are shallow, 32). Batches of whole groups, accumulated one after the
// other, give the bits of one batch.
std::int64_t neuron_tree_group_tokens(int trees, int depth);

// Gradients from dy [tokens, output_width] and what forward left. The decisions get a gradient where
// `straight_through` is given. Returns the number of sibling nodes evaluated. The bits do not depend on the
// threads; where trees are walked, those of a token's output and of the input's gradient not on its
// neighbours either.
std::int64_t neuron_tree_hard_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                       const float* dy, const float* logits, const std::int32_t* leaf,
                                       const StraightThrough* straight_through,
                                       const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
