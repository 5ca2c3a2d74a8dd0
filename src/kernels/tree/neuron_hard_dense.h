// The hard forest of neurons computed by dense products over all nodes: what neuron_hard.h does where
// trees are so shallow that a token uses a good part of their nodes. Tape and results are those of the walks
// up to rounding; weights off a token's path get exactly nothing from it.
#pragma once

#include <cstdint>

#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/straight_through.h"

namespace espalier::kernels {

// Tokens of a panel, which is computed alone: its bits depend on its own tokens only, so batches of whole
// panels give the bits of one batch.
inline constexpr std::int64_t kDensePanel = 512;

// Whether the forest is one that products compute faster, at any number of tokens. Time of the walks over
// that of the products, 768 -> 768, forward / backward / backward with decisions:
//
//     trees    depth 1, 128 tokens   4096 tokens         depth 2, 128 tokens   4096 tokens
//     1        0.22  0.38  0.36      0.82  0.79  0.57    0.29  0.34  0.35      0.99  0.79  0.68
//     4        0.93  1.06  0.98      1.61  1.47  1.15    0.79  0.35  0.57      0.98  0.71  0.88
//     16       1.74  1.21  1.11      1.85  1.67  1.77    1.39  0.54  0.85      1.50  1.30  1.85
//     64                                                 1.79  1.10  1.61      1.88  1.03  1.37
//     128      3.05  2.13  2.33      1.77  1.85  2.04
//     512                                                2.50  1.17  1.50      1.34  1.06  1.63
//     1536     3.04  1.95  2.03      1.96  1.73  2.13
//
// One token alone: the same or faster, or slower by microseconds, but forward in 512 trees of depth 2 (0.76).
// Depth 0: 0.9 to 8 from 8 trees on; a single neuron walks faster below some thousand tokens, by
// microseconds.
inline bool products_are_faster(const TreeGates& gates) {
  return gates.depth == 0 || (gates.depth == 1 && gates.trees >= 4) ||
         (gates.depth == 2 && gates.trees >= 64);
}

// As neuron_tree_hard_forward and neuron_tree_hard_backward, for trees of depth 0, 1 and 2. Depth 0 has no
// need of leaf, which may be null.
void neuron_tree_hard_dense_forward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                    float* logits, std::int32_t* leaf, float* y);
std::int64_t neuron_tree_hard_dense_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                             const float* dy, const float* logits, const std::int32_t* leaf,
                                             const StraightThrough* straight_through,
                                             const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
