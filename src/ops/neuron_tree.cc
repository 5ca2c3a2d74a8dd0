#include "espalier/ops/neuron_tree.h"

#include <fmt/format.h>

#include "kernels/tree/neuron_hard.h"
#include "kernels/tree/neuron_soft_dense.h"
#include "kernels/tree/neuron_soft_sparse.h"
#include "ops/check.h"
#include "ops/slots.h"
#include "ops/soft_tree.h"

namespace espalier::ops {
namespace {

constexpr const char* kNeuronTree = "neuron_tree";

void require_shapes(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                    int trees, int depth) {
  require_defined(kNeuronTree, "x", x);
  require_defined(kNeuronTree, "w_in", w_in);
  require_defined(kNeuronTree, "bias", bias);
  require_defined(kNeuronTree, "w_out", w_out);
  require_tree(kNeuronTree, trees, depth);
  require_least_rank(kNeuronTree, "x", x.shape(), 1);
  require_rank(kNeuronTree, "w_out", w_out.shape(), 2);
  const std::int64_t rows = TreeSize{trees, depth}.nodes();
  const ShapeReason nodes("{} trees of depth {}: a row for each of {} nodes", trees, depth, rows);
  const ShapeReason why("{}, last axis of x", nodes.text);
  require_shape(kNeuronTree, "w_in", w_in.shape(), {rows, x.shape().columns()}, why.text, x.shape());
  require_shape(kNeuronTree, "bias", bias.shape(), {rows}, nodes.text);
  require_shape(kNeuronTree, "w_out", w_out.shape(), {rows, w_out.shape()[1]}, nodes.text);
}

struct NeuronKind {
  using DenseTape = kernels::NeuronSoftDenseTape;
  using SparseTape = PoolVector<kernels::SurvivorBlock>;
  static constexpr const char* kName = kNeuronTree;
  static constexpr auto kDenseForward = kernels::neuron_tree_soft_dense_forward;
  static constexpr auto kDenseBackward = kernels::neuron_tree_soft_dense_backward;
  static constexpr auto kSparseForward = kernels::neuron_tree_soft_sparse_forward;
  static constexpr auto kSparseBackward = kernels::neuron_tree_soft_sparse_backward;

  int trees, depth;

  // The kernels' view of inputs x, w_in, bias, w_out.
  kernels::NeuronTree view(std::span<const Variable> in) const {
    return {{kernels::TreeKind::kNeuron, trees, depth, in[0].shape().columns(), in[1].value().data(),
             in[2].value().data()},
            in[3].shape()[1],
            in[3].value().data()};
  }
  static kernels::NeuronTreeGradients destinations(std::span<Variable> in) {
    return {slot_if_wanted(in[0]), slot_if_wanted(in[1]), slot_if_wanted(in[2]), slot_if_wanted(in[3])};
  }
  static double rows_per_node(const kernels::NeuronTree&) { return 1; }
  static const SparseTape& blocks(const SparseTape& tape) { return tape; }
};

TreeResult hard_tree(const Variables& in, const NeuronKind& kind, const TreeRouting& routing,
                     TreeStatistics* statistics) {
  const kernels::NeuronTree tree = kind.view(in);
  const std::int64_t tokens = in[0].shape().rows();
  HardPaths paths(tree.gates, tokens, tree.gates.levels());
  Tensor y = Tensor::empty(in[0].shape().with_last(tree.output_width));
  kernels::neuron_tree_hard_forward(tree, tokens, in[0].value().data(), paths.logits.data(), paths.leaves(),
                                    y.data());
  if (statistics != nullptr) {
    add_paths(paths, routing.temperature, *statistics);
    add_soft_sums({0, 0, tokens * kind.trees * tree.gates.levels()}, *statistics);
  }
  const Kept x = kept_first(in, routing.precision);
  const auto backward = [paths, kind, routing, x](const Tensor& dy, std::span<Variable> inputs) {
    const kernels::StraightThrough decisions{routing.temperature, routing.ste_epsilon};
    kernels::NeuronTreeGradients gradients = NeuronKind::destinations(inputs);
    const bool adds = gradients.w_in.accumulate || gradients.w_out.accumulate;
    const UnwrittenRows unwritten = adds ? nullptr : marks_of_rows(inputs[2].shape()[0]);
    if (unwritten) gradients.unwritten = unwritten->data();
    kernels::neuron_tree_hard_backward(
        kind.view(inputs), paths.tokens, x.value().data(), dy.data(), paths.logits.data(), paths.leaves(),
        routing.mode == RoutingMode::kStraightThrough ? &decisions : nullptr, gradients);
    for (const std::size_t weights : {std::size_t{1}, std::size_t{3}}) {
      if (unwritten && inputs[weights].requires_grad()) inputs[weights].leave_unwritten(unwritten);
    }
  };
  return {record(kNeuronTree, y, without_first_value(in), backward), Variable(), paths.leaf};
}

}  // namespace

TreeResult neuron_tree(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                       int trees, int depth, const TreeRouting& routing, bool training,
                       TreeStatistics* statistics) {
  require_shapes(x, w_in, bias, w_out, trees, depth);
  require_routing(kNeuronTree, routing);
  if (w_in.requires_grad() && w_in.value().data() == w_out.value().data()) {
    fail(kNeuronTree,
         "w_in and w_out are the same weights, whose two gradients are written at once: give two");
  }
  const NeuronKind kind{trees, depth};
  // Without decisions all modes are the same layer.
  if (routing.mode == RoutingMode::kSoft && depth > 0) {
    return soft_tree({x, w_in, bias, w_out}, kind, routing, training, statistics);
  }
  return hard_tree({x, w_in, bias, w_out}, kind, routing, statistics);
}

}  // namespace espalier::ops
