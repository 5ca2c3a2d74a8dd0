// The hard forest of neurons computed by dense products over all nodes: what neuron_tree_hard.h does where
// trees are so shallow that a token uses most of their nodes. The results are the same up to rounding.
#pragma once

#include <cstdint>

#include "kernels/neuron_tree_hard.h"

namespace espalier::kernels {

// Tokens of a panel, which is computed alone: its bits depend on its own tokens only, so batches of whole
// panels give the bits of one batch.
inline constexpr std::int64_t kDensePanel = 512;

// Whether the forest is one that products compute faster, at any number of tokens. Forward and backward,
// 768 -> 768, walks / products: 1536 trees of depth 1: 2.0 (1 token: 2.3, 128: 2.3, 4096: 1.8), 128: 1.9 to
// 2.7 from 16 tokens on, 16: 1.0 to 3.0, 4: 0.9 to 1.5, one: 0.2 to 0.9. A walk of depth 0 takes 3 to 8 times
// as long where trees are many. A token uses 3/7 of the nodes of depth 2, too few to pay for the others.
inline bool products_are_faster(const TreeGates& gates) {
  return gates.depth == 0 || (gates.depth == 1 && gates.trees >= 4);
}

// As neuron_tree_hard_forward and neuron_tree_hard_backward, for trees of depth 0 and 1. Depth 0 has no need
// of leaf, which may be null.
void neuron_tree_hard_dense_forward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                    float* logits, std::int32_t* leaf, float* y);
std::int64_t neuron_tree_hard_dense_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                             const float* dy, const float* logits, const std::int32_t* leaf,
                                             const StraightThrough* straight_through,
                                             const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
