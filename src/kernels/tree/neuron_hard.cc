#include "kernels/tree/neuron_hard.h"

#include <algorithm>

#include "kernels/tree/neuron_hard_dense.h"
#include "kernels/tree/neuron_hard_walk.h"

namespace espalier::kernels {

std::int64_t neuron_tree_group_tokens(int trees, int depth) {
  return std::clamp<std::int64_t>(std::int64_t{trees == 1 ? 8 : 32} << depth, kDensePanel, 16384);
}

void neuron_tree_hard_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                              std::int32_t* leaf, float* y) {
  if (products_are_faster(tree.gates)) {
    return neuron_tree_hard_dense_forward(tree, tokens, x, logits, leaf, y);
  }
  neuron_tree_hard_walk_forward(tree, tokens, x, logits, leaf, y);
}

std::int64_t neuron_tree_hard_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                       const float* dy, const float* logits, const std::int32_t* leaf,
                                       const StraightThrough* straight_through,
                                       const NeuronTreeGradients& gradients) {
  if (products_are_faster(tree.gates)) {
    return neuron_tree_hard_dense_backward(tree, tokens, x, dy, logits, leaf, straight_through, gradients);
  }
  return neuron_tree_hard_walk_backward(tree, tokens, x, dy, logits, leaf, straight_through, gradients);
}

}  // namespace espalier::kernels
