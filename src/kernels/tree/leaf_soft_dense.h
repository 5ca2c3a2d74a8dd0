// Trees with MLP leaves, soft routing (arXiv 2308.14711), as dense products over all leaves:
// y = sum over trees and leaves of rho * MLP(x), rho from soft_routing.h. leaf_soft_sparse.h gives the same
// numbers up to rounding.
#pragma once

#include <cstdint>

#include "kernels/scratch.h"
#include "kernels/tree/leaf_tree.h"
#include "kernels/tree/soft_routing.h"

namespace espalier::kernels {

// What the dense form keeps for backward.
struct LeafSoftDenseTape {
  Scratch<float> logits;  // [tokens, trees * inner]
  Scratch<float> rho;     // [tokens, trees * nodes]
  Scratch<float> pre;     // [tokens, trees * leaves * leaf_width]
};

SoftSums leaf_tree_soft_dense_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                      const float* x, float* y, LeafSoftDenseTape& tape);
// entropy_gradient: derivative of the loss with respect to the entropy of one token in one tree.
void leaf_tree_soft_dense_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                   const float* x, const float* dy, float entropy_gradient,
                                   const LeafSoftDenseTape& tape, const LeafTreeGradients& gradients);

}  // namespace espalier::kernels
