// Trees with MLP leaves, hard routing (inference of arXiv 2308.14711) computed conditionally: a token touches
// `depth` gates and one leaf of each tree, forward and backward. Straight-through routing reads the leaves of
// `depth` siblings a tree besides, and depth (depth - 1) / 2 more gates.
#pragma once

#include <cstdint>

#include "kernels/tree/leaf_tree.h"
#include "kernels/tree/straight_through.h"

namespace espalier::kernels {

// x [tokens, width] -> y [tokens, output_width]; leaves for backward the gates' logits [tokens, trees,
// depth], leaf [tokens, trees] (within its tree) and pre [trees, tokens, leaf_width], each tree's tokens in
// the order of their leaves. depth >= 1.
void leaf_tree_hard_forward(const LeafTree& tree, std::int64_t tokens, const float* x, float* logits,
                            std::int32_t* leaf, float* pre, float* y);

// Sibling gates and leaves evaluated.
struct SiblingCounts {
  std::int64_t gates = 0;
  std::int64_t leaves = 0;
};

// Gradients from dy [tokens, output_width] and what forward left; as neuron_tree_hard_backward. Without
// `straight_through` the gates get no gradient (zeros where not accumulating).
SiblingCounts leaf_tree_hard_backward(const LeafTree& tree, std::int64_t tokens, const float* x,
                                      const float* dy, const float* logits, const std::int32_t* leaf,
                                      const float* pre, const StraightThrough* straight_through,
                                      const LeafTreeGradients& gradients);

}  // namespace espalier::kernels
