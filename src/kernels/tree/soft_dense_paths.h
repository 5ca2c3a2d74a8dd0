// Soft routing over whole trees: every node's path probability, pruning and entropy (soft_routing.h) and
// their gradients. The dense forms use it.
#pragma once

#include <cstdint>

#include "kernels/tree/soft_routing.h"

namespace espalier::kernels {

// Path probabilities rho [nodes] of one token in one tree from the logits of its inner nodes (heap order).
// c [inner] is scratch.
void soft_paths(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                const float* logits, float* c, float* rho, SoftSums& sums);

// The gradient of the above: adds to dlogit [inner]. value [nodes]: derivative of the loss with respect to
// each node's rho taken alone (0 where a node contributes nothing); becomes the value of the subtrees.
// entropy_gradient: derivative of the loss with respect to this token's entropy in this tree. c, slope
// [inner] are scratch.
void soft_paths_backward(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                         const float* logits, const float* rho, float entropy_gradient, float* value,
                         float* c, float* slope, float* dlogit);

// The leaf that the hard decisions lead to, and the logits [depth] of the path, from all nodes' logits.
std::int32_t hard_path_of(const TreeGates& gates, const float* node_logits, float* logits);

}  // namespace espalier::kernels
