// Random trees and inputs to measure with.
#pragma once

#include <cstdint>

#include "espalier/ops/precision.h"
#include "espalier/ops/tree_routing.h"
#include "espalier/ops/tree_size.h"
#include "espalier/tensor/tensor.h"
#include "kernels/tree/leaf_tree.h"
#include "kernels/tree/neuron_tree.h"
#include "kernels/tree/straight_through.h"

namespace espalier::bench {

struct TreeCase {
  std::int64_t tokens = 0;  // of a call
  std::int64_t width = 0;
  int trees = 1;
  int depth = 0;
  std::int64_t leaf_width = 0;  // 0: trees of neurons
  std::int64_t survivors = 0;
  ops::RoutingMode mode = ops::RoutingMode::kHard;
  bool backward = false;
  ops::Precision precision = ops::Precision::kFloat32;
  std::uint64_t seed = 1;

  bool has_leaves() const { return leaf_width > 0; }
  ops::TreeSize tree_size() const { return {trees, depth}; }
  std::int64_t leaves() const { return tree_size().leaves(); }
  std::int64_t gates() const { return tree_size().inner(); }
  // Hidden units of the layer: neurons, or those of all leaves.
  std::int64_t units() const { return has_leaves() ? leaves() * leaf_width : tree_size().nodes(); }
};

// Weights of every kind; those that a kind of tree does not have stay undefined. Also used for gradients.
struct TreeTensors {
  Tensor unit_in;      // [units, width]; leaf trees: [leaves, leaf_width, width]
  Tensor unit_bias;    // [units]; [leaves, leaf_width]
  Tensor unit_out;     // [units, width]; [leaves, leaf_width, width]
  Tensor gate_weight;  // leaf trees: [gates, width]
  Tensor gate_bias;    // [gates]
  Tensor leaf_bias;    // leaf trees: [leaves, width]
};
TreeTensors empty_tensors(const TreeCase& size);

// A layer with distinct random inputs for `batches` calls of `size.tokens` tokens.
class TreeProblem {
 public:
  explicit TreeProblem(const TreeCase& size);

  const TreeCase& size() const { return size_; }
  std::int64_t batches() const { return batches_; }
  std::int64_t tokens() const { return batches_ * size_.tokens; }
  const TreeTensors& weights() const { return weights_; }
  const float* x(std::int64_t batch = 0) const { return x_.data() + batch * size_.tokens * size_.width; }
  const float* dy(std::int64_t batch = 0) const { return dy_.data() + batch * size_.tokens * size_.width; }
  Tensor x_tensor(std::int64_t batch) const { return rows(x_, batch); }
  Tensor dy_tensor(std::int64_t batch) const { return rows(dy_, batch); }
  // Replaces a token's input by a new draw.
  void redraw(std::int64_t token);

  // The kernels' views.
  kernels::NeuronTree neuron_tree() const;
  kernels::LeafTree leaf_tree() const;
  kernels::TreeGates tree_gates() const;
  ops::TreeRouting soft_routing() const;
  kernels::StraightThrough straight_through() const { return {kTemperature, 0.0F}; }

  // Of straight-through and unpruned soft routing.
  static constexpr float kTemperature = 1.0F;

 private:
  void encode_survivors();
  Tensor rows(const Tensor& all, std::int64_t batch) const {
    return all.slice_rows(batch * size_.tokens, (batch + 1) * size_.tokens);
  }
  TreeCase size_;
  std::int64_t batches_;
  std::uint64_t redraws_ = 0;
  TreeTensors weights_;
  Tensor x_, dy_;  // [tokens, width]
};

}  // namespace espalier::bench
