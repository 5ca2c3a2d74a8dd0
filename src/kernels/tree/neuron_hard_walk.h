// The hard tree of neurons computed conditionally: tokens walk from the root to a leaf, so a token touches
// only depth + 1 nodes of each tree. Arguments and results are those of neuron_hard.h, for trees of any
// depth.
//
// Forward: walks (hard_route.h) leave logits and leaves, then the output rows along the paths are summed
// (hard_path_sums.h, and for forests hard_forest_sums.h). Three orders of work with the same bits: blocks of
// tokens, two passes for many tokens in one tree, and for many tokens in a forest all walks before all sums.
// Backward: a group of tokens in the order of its leaves (hard_token_order.h), tree by tree: projections of
// dy (hard_path_dots.h), siblings' values (straight_through_siblings.h), gradients of weights
// (hard_path_gradients.h) and of the input.
#pragma once

#include <cstdint>

#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/straight_through.h"

namespace espalier::kernels {

void neuron_tree_hard_walk_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                                   std::int32_t* leaf, float* y);
// Its order of work for many tokens in a forest.
void neuron_tree_hard_forest_forward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                     float* logits, std::int32_t* leaf, float* y);
std::int64_t neuron_tree_hard_walk_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                            const float* dy, const float* logits, const std::int32_t* leaf,
                                            const StraightThrough* straight_through,
                                            const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
