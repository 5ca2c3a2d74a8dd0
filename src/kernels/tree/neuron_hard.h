// The hard tree of neurons, with or without straight-through gradients of its decisions: what callers use.
//
//   y = sum over trees and over the depth + 1 nodes of the hard path of  gelu(<x, w_in> + bias) * w_out
//
// A token touches depth + 1 nodes of each tree, forward and backward (neuron_hard_walk.h). Shallow forests,
// of whose nodes these are a good part, are computed by dense products over all nodes
// (neuron_hard_dense.h); products_are_faster there decides, by the shape of the forest alone.
#pragma once

#include <cstdint>

#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/straight_through.h"

namespace espalier::kernels {

// x [tokens, width] -> y [tokens, output_width]; leaves the path for backward:
// logits [tokens, trees, depth + 1], root first, and leaf [tokens, trees], which may be null at depth 0.
void neuron_tree_hard_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                              std::int32_t* leaf, float* y);

// Tokens that weight gradients are summed over at a time: in the order of leaves within such a group, group
// after group. It follows the size of a tree, so that each of its rows is read and written for some eight
// tokens (in a forest, whose trees are shallow, 32): 8 * 2^depth for one tree, 32 * 2^depth for several, at
// least 512 and at most 16384. Batches of whole groups, accumulated one after the other, give the bits of one
// batch.
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
