// Trees with MLP leaves, soft routing over the nodes that survive pruning (soft_survivors.h): the numbers of
// leaf_soft_dense.h up to rounding. Survivors are found token by token; the leaves' MLPs, where nearly all of
// the work is, run leaf by leaf over a group of tokens. What leaves give to a token is kept apart and added
// in the order of its list.
#pragma once

#include <cstdint>

#include "kernels/tree/leaf_tree.h"
#include "kernels/tree/row_gradients.h"
#include "kernels/tree/soft_survivors.h"

namespace espalier::kernels {

// What forward keeps for backward.
struct LeafSoftSparseTape {
  // Consecutive tokens whose leaves are worked on together; arrays as in leaf_mlp.h.
  struct Group {
    std::int64_t first_block, end_block;
    RowUses uses;  // of leaves, in token order
    Scratch<float> weight, pre;
  };
  PoolVector<SurvivorBlock> blocks;  // of kSurvivorTokens tokens each
  PoolVector<Group> groups;
};

SoftSums leaf_tree_soft_sparse_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                       const float* x, float* y, LeafSoftSparseTape& tape);
// dy [tokens, output_width]; entropy_gradient: derivative of the loss with respect to the entropy of one
// token in one tree.
void leaf_tree_soft_sparse_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                    const float* x, const float* dy, float entropy_gradient,
                                    const LeafSoftSparseTape& tape, const LeafTreeGradients& gradients);

}  // namespace espalier::kernels
