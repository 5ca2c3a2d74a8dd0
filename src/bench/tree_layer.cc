#include "bench/tree_layer.h"

#include <algorithm>

#include "espalier/ops/leaf_tree.h"
#include "espalier/ops/neuron_tree.h"
#include "kernels/tree/leaf_hard.h"
#include "kernels/tree/neuron_hard.h"

namespace espalier::bench {

TreeLayer::TreeLayer(const TreeProblem& problem, bool prune, ops::Precision precision)
    : problem_(problem),
      size_(problem.size()),
      routing_(problem.soft_routing()),
      levels_(problem.tree_gates().levels()) {
  if (!prune) routing_.epsilon = 0;
  if (precision == ops::Precision::kInt8) quantized_ = kernels::QuantizedNeuronTree(problem.neuron_tree());
  const std::int64_t tokens = problem.tokens();
  results_.y = Tensor::empty({tokens, size_.width});
  if (size_.backward) {
    results_.dx = Tensor::empty({tokens, size_.width});
    results_.gradients = empty_tensors(size_);
  }
  if (is_soft()) {
    const TreeTensors& w = problem.weights();
    for (const Tensor* tensor :
         {&w.unit_in, &w.unit_bias, &w.unit_out, &w.gate_weight, &w.gate_bias, &w.leaf_bias}) {
      if (tensor->defined()) weights_.emplace_back(*tensor, size_.backward);
    }
    return;
  }
  results_.logits = Tensor::empty({tokens, size_.trees, levels_});
  results_.leaf = IntTensor::empty({tokens, size_.trees});
  if (size_.has_leaves()) pre_ = Tensor::empty({size_.tokens, size_.trees, size_.leaf_width});
}

void TreeLayer::run(std::int64_t batch, bool accumulate) {
  if (is_soft()) {
    run_soft(batch, accumulate);
  } else if (size_.has_leaves()) {
    run_leaves(batch, accumulate);
  } else {
    run_neurons(batch, accumulate);
  }
}

void TreeLayer::run_neurons(std::int64_t batch, bool accumulate) {
  const std::int64_t tokens = size_.tokens;
  const kernels::NeuronTree tree = problem_.neuron_tree();
  float* logits = results_.logits.data() + batch * tokens * size_.trees * levels_;
  std::int32_t* leaf = results_.leaf.data() + batch * tokens * size_.trees;
  if (quantized_.trees > 0) {
    kernels::quantized_neuron_tree_forward(quantized_, tokens, problem_.x(batch), logits, leaf,
                                           results_.y.data() + offset(batch));
    return;
  }
  kernels::neuron_tree_hard_forward(tree, tokens, problem_.x(batch), logits, leaf,
                                    results_.y.data() + offset(batch));
  if (!size_.backward) return;
  const kernels::StraightThrough decisions = problem_.straight_through();
  TreeTensors& to = results_.gradients;
  const kernels::NeuronTreeGradients gradients{{results_.dx.data() + offset(batch), false},
                                               {to.unit_in.data(), accumulate},
                                               {to.unit_bias.data(), accumulate},
                                               {to.unit_out.data(), accumulate}};
  kernels::neuron_tree_hard_backward(tree, tokens, problem_.x(batch), problem_.dy(batch), logits, leaf,
                                     size_.mode == ops::RoutingMode::kHard ? nullptr : &decisions, gradients);
}

void TreeLayer::run_leaves(std::int64_t batch, bool accumulate) {
  const std::int64_t tokens = size_.tokens;
  const kernels::LeafTree tree = problem_.leaf_tree();
  float* logits = results_.logits.data() + batch * tokens * size_.trees * levels_;
  std::int32_t* leaf = results_.leaf.data() + batch * tokens * size_.trees;
  kernels::leaf_tree_hard_forward(tree, tokens, problem_.x(batch), logits, leaf, pre_.data(),
                                  results_.y.data() + offset(batch));
  if (!size_.backward) return;
  const kernels::StraightThrough decisions = problem_.straight_through();
  TreeTensors& to = results_.gradients;
  const kernels::LeafTreeGradients gradients{{results_.dx.data() + offset(batch), false},
                                             {to.gate_weight.data(), accumulate},
                                             {to.gate_bias.data(), accumulate},
                                             {to.unit_in.data(), accumulate},
                                             {to.unit_bias.data(), accumulate},
                                             {to.unit_out.data(), accumulate},
                                             {to.leaf_bias.data(), accumulate}};
  kernels::leaf_tree_hard_backward(tree, tokens, problem_.x(batch), problem_.dy(batch), logits, leaf,
                                   pre_.data(), size_.mode == ops::RoutingMode::kHard ? nullptr : &decisions,
                                   gradients);
}

void TreeLayer::run_soft(std::int64_t batch, bool accumulate) {
  if (!accumulate) {
    for (Variable& weight : weights_) weight.clear_grad();
  }
  Variable x(problem_.x_tensor(batch), size_.backward);
  const ops::TreeResult result = [&] {
    if (!size_.has_leaves()) {
      return ops::neuron_tree(x, weights_[0], weights_[1], weights_[2], size_.trees, size_.depth, routing_,
                              true);
    }
    const ops::LeafTreeWeights weights{weights_[3], weights_[4], weights_[0],
                                       weights_[1], weights_[2], weights_[5]};
    return ops::leaf_tree(x, weights, {.trees = size_.trees, .depth = size_.depth}, routing_, true);
  }();
  y_ = result.output.value();
  if (!size_.backward) return;
  backward(result.output, problem_.dy_tensor(batch));
  dx_ = x.grad();
}

void TreeLayer::collect(std::int64_t batch) {
  if (!is_soft()) return;
  const std::int64_t first = batch * size_.tokens;
  results_.y.slice_rows(first, first + size_.tokens).copy_from(y_);
  if (!size_.backward) return;
  results_.dx.slice_rows(first, first + size_.tokens).copy_from(dx_);
  TreeTensors& to = results_.gradients;
  std::size_t next = 0;
  for (Tensor* tensor :
       {&to.unit_in, &to.unit_bias, &to.unit_out, &to.gate_weight, &to.gate_bias, &to.leaf_bias}) {
    if (!tensor->defined()) continue;
    tensor->copy_from(weights_[next++].grad().reshape(tensor->shape()));
  }
}

}  // namespace espalier::bench
