// The soft tree of neurons: y = sum over trees and nodes of rho * gelu(logit) * w_out (soft_paths.h gives
// rho). Two forms give the same numbers up to rounding: dense products over all nodes, and lists of
// survivors.
#pragma once

#include <cstdint>

#include "kernels/neuron_tree_hard.h"
#include "kernels/scratch.h"
#include "kernels/survivors.h"

namespace espalier::kernels {

// What the dense form keeps for backward: [tokens, trees * nodes].
struct DenseNeuronTape {
  Scratch<float> logits;
  Scratch<float> rho;
};

SoftSums neuron_tree_dense_forward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                   const float* x, float* y, DenseNeuronTape& tape);
// entropy_gradient: derivative of the loss with respect to the entropy of one token in one tree.
void neuron_tree_dense_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                const float* x, const float* dy, float entropy_gradient,
                                const DenseNeuronTape& tape, const NeuronTreeGradients& gradients);

SoftSums neuron_tree_sparse_forward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                    const float* x, float* y, PoolVector<SurvivorBlock>& tape);
void neuron_tree_sparse_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                 const float* x, const float* dy, float entropy_gradient,
                                 const PoolVector<SurvivorBlock>& tape, const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
