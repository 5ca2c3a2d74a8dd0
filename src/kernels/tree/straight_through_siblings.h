// What the decisions of straight-through routing need besides the hard path: the values of the branches that
// were not taken.
#pragma once

#include <cstdint>

#include "kernels/tree/hard_token_order.h"
#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/straight_through.h"

namespace espalier::kernels {

// For each token of `order` in tree k and each level that decides, the value of the sibling's branch: the
// sum of gelu(logit) <dy, w_out> along its hard path down to a leaf, in sibling_value[i, level], i the
// token's place in the order. Siblings of decisions with a slope below options.epsilon are skipped, and their
// places zero. Returns the number of nodes evaluated. x, dy, logits: of all tokens.
std::int64_t sibling_values(const NeuronTree& tree, int k, const TokenOrder& order, const float* x,
                            const float* dy, const float* logits, const StraightThrough& options,
                            double* sibling_value);

// Adds the decisions' own gradients to dlogit [depth + 1] of one token: slope * (value of the right child's
// branch - value of the left one's). value[level] = gelu(logit) <dy, w_out> of the path's own nodes.
void add_decision_gradients(int depth, const StraightThrough& options, const float* logits, std::int32_t leaf,
                            const double* value, const double* sibling_value, float* dlogit);

}  // namespace espalier::kernels
