// Trees with MLP leaves, soft routing (arXiv 2308.14711): y = sum over trees and leaves of rho * MLP(x), rho
// from soft_paths.h. Two forms give the same numbers up to rounding: dense products over all leaves, and
// lists of survivors.
#pragma once

#include <cstdint>

#include "kernels/leaf_mlp.h"
#include "kernels/survivors.h"

namespace espalier::kernels {

// What the dense form keeps for backward.
struct DenseLeafTape {
  Scratch<float> logits;  // [tokens, trees * inner]
  Scratch<float> rho;     // [tokens, trees * nodes]
  Scratch<float> pre;     // [tokens, trees * leaves * leaf_width]
};

SoftSums leaf_tree_dense_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                 const float* x, float* y, DenseLeafTape& tape);
// entropy_gradient: derivative of the loss with respect to the entropy of one token in one tree.
void leaf_tree_dense_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                              const float* x, const float* dy, float entropy_gradient,
                              const DenseLeafTape& tape, const LeafTreeGradients& gradients);

// The survivors' form: what it keeps for backward.
struct SparseLeafTape {
  // Consecutive tokens whose leaves are worked on together; arrays as in leaf_mlp.h.
  struct Group {
    std::int64_t first_block, end_block;
    RowUses uses;  // of leaves, in token order
    Scratch<float> weight, pre;
  };
  PoolVector<SurvivorBlock> blocks;  // of kSurvivorTokens tokens each
  PoolVector<Group> groups;
};

SoftSums leaf_tree_sparse_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                  const float* x, float* y, SparseLeafTape& tape);
void leaf_tree_sparse_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                               const float* x, const float* dy, float entropy_gradient,
                               const SparseLeafTape& tape, const LeafTreeGradients& gradients);

}  // namespace espalier::kernels
