// The soft tree of neurons as dense products over all nodes:
// y = sum over trees and nodes of rho * gelu(logit) * w_out (soft_routing.h gives rho). neuron_soft_sparse.h
// gives the same numbers up to rounding.
#pragma once

#include <cstdint>

#include "kernels/scratch.h"
#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/soft_routing.h"

namespace espalier::kernels {

// What the dense form keeps for backward: [tokens, trees * nodes].
struct NeuronSoftDenseTape {
  Scratch<float> logits;
  Scratch<float> rho;
};

SoftSums neuron_tree_soft_dense_forward(const NeuronTree& tree, const SoftRouting& routing,
                                        std::int64_t tokens, const float* x, float* y,
                                        NeuronSoftDenseTape& tape);
// entropy_gradient: derivative of the loss with respect to the entropy of one token in one tree.
void neuron_tree_soft_dense_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                     const float* x, const float* dy, float entropy_gradient,
                                     const NeuronSoftDenseTape& tape, const NeuronTreeGradients& gradients);

}  // namespace espalier::kernels
