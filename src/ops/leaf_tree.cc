#include "espalier/ops/leaf_tree.h"

#include <fmt/format.h>

#include "kernels/tree/leaf_hard.h"
#include "kernels/tree/leaf_soft_dense.h"
#include "kernels/tree/leaf_soft_sparse.h"
#include "ops/check.h"
#include "ops/slots.h"
#include "ops/soft_tree.h"

namespace espalier::ops {
namespace {

constexpr const char* kLeafTree = "leaf_tree";

void require_shapes(const Variable& x, const LeafTreeWeights& weights, const LeafTreeOptions& options) {
  require_defined(kLeafTree, "x", x);
  require_defined(kLeafTree, "leaf_in", weights.leaf_in);
  require_defined(kLeafTree, "leaf_in_bias", weights.leaf_in_bias);
  require_defined(kLeafTree, "leaf_out", weights.leaf_out);
  require_defined(kLeafTree, "leaf_out_bias", weights.leaf_out_bias);
  require_tree(kLeafTree, options.trees, options.depth);
  require_least_rank(kLeafTree, "x", x.shape(), 1);
  require_rank(kLeafTree, "leaf_in", weights.leaf_in.shape(), 3);
  require_rank(kLeafTree, "leaf_out", weights.leaf_out.shape(), 3);
  const TreeSize size{options.trees, options.depth};
  const std::int64_t leaves = size.leaves();
  const std::int64_t units = weights.leaf_in.shape()[1];
  const std::int64_t outputs = weights.leaf_out.shape()[2];
  if (units < 1)
    fail(kLeafTree, fmt::format("leaf_in {} must have at least one hidden unit a leaf (axis 1)",
                                weights.leaf_in.shape().str()));
  const ShapeReason sizes("{} trees of depth {}: {} leaves, {} hidden units each", options.trees,
                          options.depth, leaves, units);
  const ShapeReason why("{}, last axis of x", sizes.text);
  const std::int64_t width = x.shape().columns();
  require_shape(kLeafTree, "leaf_in", weights.leaf_in.shape(), {leaves, units, width}, why.text, x.shape());
  require_shape(kLeafTree, "leaf_in_bias", weights.leaf_in_bias.shape(), {leaves, units}, sizes.text);
  require_shape(kLeafTree, "leaf_out", weights.leaf_out.shape(), {leaves, units, outputs}, sizes.text);
  require_shape(kLeafTree, "leaf_out_bias", weights.leaf_out_bias.shape(), {leaves, outputs}, sizes.text);
  if (options.depth == 0) return;
  require_defined(kLeafTree, "gate_weight", weights.gate_weight);
  require_defined(kLeafTree, "gate_bias", weights.gate_bias);
  const std::int64_t gates = size.inner();
  const ShapeReason gate_why("{} trees of depth {}: {} gates, last axis of x", options.trees, options.depth,
                             gates);
  require_shape(kLeafTree, "gate_weight", weights.gate_weight.shape(), {gates, width}, gate_why.text,
                x.shape());
  require_shape(kLeafTree, "gate_bias", weights.gate_bias.shape(), {gates}, gate_why.text, x.shape());
}

const float* data_or_null(const Variable& variable) {
  return variable.defined() ? variable.value().data() : nullptr;
}

struct LeafKind {
  using DenseTape = kernels::LeafSoftDenseTape;
  using SparseTape = kernels::LeafSoftSparseTape;
  static constexpr const char* kName = kLeafTree;
  static constexpr auto kDenseForward = kernels::leaf_tree_soft_dense_forward;
  static constexpr auto kDenseBackward = kernels::leaf_tree_soft_dense_backward;
  static constexpr auto kSparseForward = kernels::leaf_tree_soft_sparse_forward;
  static constexpr auto kSparseBackward = kernels::leaf_tree_soft_sparse_backward;

  LeafTreeOptions options;

  // The kernels' view of inputs x, gate_weight, gate_bias, leaf_in, leaf_in_bias, leaf_out, leaf_out_bias.
  kernels::LeafTree view(std::span<const Variable> in) const {
    kernels::LeafTree tree;
    tree.gates = {kernels::TreeKind::kLeaf, options.trees,       options.depth,
                  in[0].shape().columns(),  data_or_null(in[1]), data_or_null(in[2])};
    tree.leaf_width = in[3].shape()[1];
    tree.output_width = in[5].shape()[2];
    tree.activation = options.activation == LeafActivation::kRelu ? kernels::LeafActivation::kRelu
                                                                  : kernels::LeafActivation::kGelu;
    tree.w1 = in[3].value().data();
    tree.b1 = in[4].value().data();
    tree.w2 = in[5].value().data();
    tree.b2 = in[6].value().data();
    return tree;
  }
  static kernels::LeafTreeGradients destinations(std::span<Variable> in) {
    return {slot_if_wanted(in[0]), slot_if_wanted(in[1]), slot_if_wanted(in[2]), slot_if_wanted(in[3]),
            slot_if_wanted(in[4]), slot_if_wanted(in[5]), slot_if_wanted(in[6])};
  }
  static double rows_per_node(const kernels::LeafTree& tree) { return tree.rows_per_node(); }
  static const auto& blocks(const SparseTape& tape) { return tape.blocks; }
};

TreeResult hard_tree(const Variables& in, const LeafKind& kind, const TreeRouting& routing,
                     TreeStatistics* statistics) {
  const kernels::LeafTree tree = kind.view(in);
  const std::int64_t tokens = in[0].shape().rows();
  HardPaths paths(tree.gates, tokens, tree.gates.depth);
  Tensor y = Tensor::empty(in[0].shape().with_last(tree.output_width));
  Tensor pre = Tensor::empty({tree.gates.trees, tokens, tree.leaf_width});
  kernels::leaf_tree_hard_forward(tree, tokens, in[0].value().data(), paths.logits.data(), paths.leaf.data(),
                                  pre.data(), y.data());
  if (statistics != nullptr) {
    add_paths(paths, routing.temperature, *statistics);
    add_soft_sums({0, 0, tokens * statistics->size().path_nodes()}, *statistics);
  }
  const Kept x = kept_first(in, routing.precision);
  const auto backward = [paths, pre, kind, routing, x](const Tensor& dy, std::span<Variable> inputs) {
    const kernels::StraightThrough decisions{routing.temperature, routing.ste_epsilon};
    kernels::leaf_tree_hard_backward(kind.view(inputs), paths.tokens, x.value().data(), dy.data(),
                                     paths.logits.data(), paths.leaf.data(), pre.data(),
                                     routing.mode == RoutingMode::kStraightThrough ? &decisions : nullptr,
                                     LeafKind::destinations(inputs));
  };
  return {record(kLeafTree, y, without_first_value(in), backward), Variable(), paths.leaf};
}

}  // namespace

TreeResult leaf_tree(const Variable& x, const LeafTreeWeights& weights, const LeafTreeOptions& options,
                     const TreeRouting& routing, bool training, TreeStatistics* statistics) {
  require_shapes(x, weights, options);
  require_routing(kLeafTree, routing);
  const Variables in{x,
                     weights.gate_weight,
                     weights.gate_bias,
                     weights.leaf_in,
                     weights.leaf_in_bias,
                     weights.leaf_out,
                     weights.leaf_out_bias};
  // Without decisions all modes are the same dense layer.
  if (routing.mode == RoutingMode::kSoft || options.depth == 0) {
    return soft_tree(in, LeafKind{options}, routing, training, statistics);
  }
  return hard_tree(in, LeafKind{options}, routing, statistics);
}

}  // namespace espalier::ops
