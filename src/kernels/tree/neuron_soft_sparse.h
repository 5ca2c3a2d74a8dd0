// The soft tree of neurons over the nodes that survive pruning (soft_survivors.h): the numbers of
// neuron_soft_dense.h up to rounding, at the cost of the survivors.
#pragma once

#include <cstdint>

#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/soft_survivors.h"

namespace espalier::kernels {

// x [tokens, width] -> y [tokens, output_width]. tape: blocks of kSurvivorTokens tokens, for backward.
SoftSums neuron_tree_soft_sparse_forward(const NeuronTree& tree, const SoftRouting& routing,
                                         std::int64_t tokens, const float* x, float* y,
                                         PoolVector<SurvivorBlock>& tape);
// dy [tokens, output_width]; entropy_gradient: derivative of the loss with respect to the entropy of one
// token in one tree.
void neuron_tree_soft_sparse_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                      const float* x, const float* dy, float entropy_gradient,
                                      const PoolVector<SurvivorBlock>& tape,
                                      const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
