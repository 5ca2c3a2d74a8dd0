#include "espalier/ops/neuron_tree.h"

#include <fmt/format.h>

#include <memory>

#include "kernels/tree/neuron_hard.h"
#include "kernels/tree/neuron_soft_dense.h"
#include "kernels/tree/neuron_soft_sparse.h"
#include "kernels/tree/soft_dense_paths.h"
#include "kernels/tree/soft_survivors.h"
#include "ops/check.h"
#include "ops/slots.h"
#include "ops/tree_common.h"

namespace espalier::ops {
namespace {

constexpr const char* kNeuronTree = "neuron_tree";

struct Size {
  int trees, depth;
};

void require_shapes(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                    Size size) {
  require_defined(kNeuronTree, "x", x);
  require_defined(kNeuronTree, "w_in", w_in);
  require_defined(kNeuronTree, "bias", bias);
  require_defined(kNeuronTree, "w_out", w_out);
  require_tree(kNeuronTree, size.trees, size.depth);
  require_least_rank(kNeuronTree, "x", x.shape(), 1);
  require_rank(kNeuronTree, "w_out", w_out.shape(), 2);
  const std::int64_t rows = TreeSize{size.trees, size.depth}.nodes();
  const ShapeReason nodes("{} trees of depth {}: a row for each of {} nodes", size.trees, size.depth, rows);
  const ShapeReason why("{}, last axis of x", nodes.text);
  require_shape(kNeuronTree, "w_in", w_in.shape(), {rows, x.shape().columns()}, why.text, x.shape());
  require_shape(kNeuronTree, "bias", bias.shape(), {rows}, nodes.text);
  require_shape(kNeuronTree, "w_out", w_out.shape(), {rows, w_out.shape()[1]}, nodes.text);
}

// The kernels' view of inputs x, w_in, bias, w_out.
kernels::NeuronTree view(std::span<const Variable> in, Size size) {
  return {{kernels::TreeKind::kNeuron, size.trees, size.depth, in[0].shape().columns(), in[1].value().data(),
           in[2].value().data()},
          in[3].shape()[1],
          in[3].value().data()};
}

kernels::NeuronTreeGradients neuron_destinations(std::span<Variable> in) {
  return {slot_if_wanted(in[0]), slot_if_wanted(in[1]), slot_if_wanted(in[2]), slot_if_wanted(in[3])};
}

TreeResult hard_tree(const Variables& in, Size size, const TreeRouting& routing, TreeStatistics* statistics) {
  const kernels::NeuronTree tree = view(in, size);
  const std::int64_t tokens = in[0].shape().rows();
  HardPaths paths(tree.gates, tokens, tree.gates.levels());
  Tensor y = Tensor::empty(in[0].shape().with_last(tree.output_width));
  kernels::neuron_tree_hard_forward(tree, tokens, in[0].value().data(), paths.logits.data(), paths.leaves(),
                                    y.data());
  if (statistics != nullptr) {
    add_paths(paths, routing.temperature, *statistics);
    add_soft_sums({0, 0, tokens * size.trees * tree.gates.levels()}, *statistics);
  }
  const Kept x = kept_first(in, routing.precision);
  const auto backward = [paths, size, routing, x](const Tensor& dy, std::span<Variable> inputs) {
    const kernels::StraightThrough decisions{routing.temperature, routing.ste_epsilon};
    kernels::NeuronTreeGradients gradients = neuron_destinations(inputs);
    const bool adds = gradients.w_in.accumulate || gradients.w_out.accumulate;
    const UnwrittenRows unwritten = adds ? nullptr : marks_of_rows(inputs[2].shape()[0]);
    if (unwritten) gradients.unwritten = unwritten->data();
    kernels::neuron_tree_hard_backward(
        view(inputs, size), paths.tokens, x.value().data(), dy.data(), paths.logits.data(), paths.leaves(),
        routing.mode == RoutingMode::kStraightThrough ? &decisions : nullptr, gradients);
    for (const std::size_t weights : {std::size_t{1}, std::size_t{3}}) {
      if (unwritten && inputs[weights].requires_grad()) inputs[weights].leave_unwritten(unwritten);
    }
  };
  return {record(kNeuronTree, y, without_first_value(in), backward), Variable(), paths.leaf};
}

// What a soft pass keeps: the dense form's tape, or the survivors.
struct SoftNeuronTape {
  bool dense = true;
  kernels::NeuronSoftDenseTape all;
  PoolVector<kernels::SurvivorBlock> survivors;
};

HardPaths hard_neuron_paths(const kernels::TreeGates& gates, std::int64_t tokens,
                            const SoftNeuronTape& tape) {
  HardPaths paths(gates, tokens, gates.depth);
  for (std::int64_t path = 0; path < tokens * gates.trees; ++path) {
    float* logits = paths.path_logits(path);
    if (tape.dense) {
      paths.leaf.data()[path] =
          kernels::hard_path_of(gates, tape.all.logits.data() + path * gates.nodes(), logits);
      continue;
    }
    const std::int64_t block_paths = kernels::kSurvivorTokens * gates.trees;
    const kernels::SurvivorBlock& block = tape.survivors[static_cast<std::size_t>(path / block_paths)];
    paths.leaf.data()[path] = kernels::hard_path_of(gates, block.list(path % block_paths), logits);
  }
  return paths;
}

void soft_neuron_backward(const SoftNeuronTape& tape, Size size, const kernels::SoftRouting& routing,
                          const Kept& kept, std::span<const Tensor> grads, std::span<Variable> in) {
  const kernels::NeuronTree tree = view(in, size);
  const std::int64_t tokens = in[0].shape().rows();
  const Tensor dy = grad_or_zeros(grads[0], in[0].shape().with_last(tree.output_width));
  const float to_entropy = grads.size() > 1 ? entropy_gradient(grads[1], tokens, size.trees) : 0.0F;
  const Tensor wide = kept.value();
  const float* x = wide.data();
  if (tape.dense) {
    kernels::neuron_tree_soft_dense_backward(tree, routing, tokens, x, dy.data(), to_entropy, tape.all,
                                             neuron_destinations(in));
  } else {
    kernels::neuron_tree_soft_sparse_backward(tree, routing, tokens, x, dy.data(), to_entropy, tape.survivors,
                                              neuron_destinations(in));
  }
}

TreeResult soft_tree(const Variables& in, Size size, const TreeRouting& routing, bool training,
                     TreeStatistics* statistics) {
  const kernels::NeuronTree tree = view(in, size);
  const kernels::SoftRouting soft = soft_routing(routing, training, size.depth);
  const std::int64_t tokens = in[0].shape().rows();
  const float* x = in[0].value().data();
  const auto tape = std::allocate_shared<SoftNeuronTape>(PoolAllocator<SoftNeuronTape>());
  tape->dense = kernels::dense_form_is_cheaper(tree.gates, soft, tokens, x, 1);
  Tensor y = Tensor::empty(in[0].shape().with_last(tree.output_width));
  const kernels::SoftSums sums =
      tape->dense
          ? kernels::neuron_tree_soft_dense_forward(tree, soft, tokens, x, y.data(), tape->all)
          : kernels::neuron_tree_soft_sparse_forward(tree, soft, tokens, x, y.data(), tape->survivors);
  if (statistics != nullptr) {
    add_paths(hard_neuron_paths(tree.gates, tokens, *tape), routing.temperature, *statistics);
    add_soft_sums(sums, *statistics);
  }
  const Kept kept = kept_first(in, routing.precision);
  Tensors values{y};
  if (soft.entropy) values.push_back(mean_entropy(sums, tokens, size.trees));
  const Variables results =
      record(kNeuronTree, values, without_first_value(in),
             [tape, size, soft, kept](std::span<const Tensor> grads, std::span<Variable> inputs) {
               soft_neuron_backward(*tape, size, soft, kept, grads, inputs);
             });
  return {results[0], soft.entropy ? results[1] : Variable()};
}

}  // namespace

TreeResult neuron_tree(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                       int trees, int depth, const TreeRouting& routing, bool training,
                       TreeStatistics* statistics) {
  const Size size{trees, depth};
  require_shapes(x, w_in, bias, w_out, size);
  require_routing(kNeuronTree, routing);
  // Without decisions all modes are the same layer.
  if (routing.mode == RoutingMode::kSoft && depth > 0) {
    return soft_tree({x, w_in, bias, w_out}, size, routing, training, statistics);
  }
  return hard_tree({x, w_in, bias, w_out}, size, routing, statistics);
}

}  // namespace espalier::ops
