// Soft routing through trees of neurons and trees with MLP leaves: one operation for both.
#pragma once

#include <memory>
#include <span>

#include "kernels/tree/soft_dense_paths.h"
#include "kernels/tree/soft_survivors.h"
#include "ops/tree_common.h"

namespace espalier::ops {

// What a soft pass keeps: the dense form's tape, or the survivors.
template <class Kind>
struct SoftTape {
  bool dense = true;
  typename Kind::DenseTape all;
  typename Kind::SparseTape survivors;
};

template <class Kind>
HardPaths hard_paths(const kernels::TreeGates& gates, std::int64_t tokens, const SoftTape<Kind>& tape) {
  HardPaths paths(gates, tokens, gates.depth);
  const std::int64_t block_paths = kernels::kSurvivorTokens * gates.trees;
  for (std::int64_t path = 0; path < tokens * gates.trees; ++path) {
    float* logits = paths.path_logits(path);
    if (tape.dense) {
      paths.leaf.data()[path] =
          kernels::hard_path_of(gates, tape.all.logits.data() + path * gates.rows(), logits);
      continue;
    }
    const kernels::SurvivorBlock& block =
        Kind::blocks(tape.survivors)[static_cast<std::size_t>(path / block_paths)];
    paths.leaf.data()[path] = kernels::hard_path_of(gates, block.list(path % block_paths), logits);
  }
  return paths;
}

template <class Kind>
void soft_backward(const SoftTape<Kind>& tape, const Kind& kind, const kernels::SoftRouting& routing,
                   const Kept& kept, std::span<const Tensor> grads, std::span<Variable> in) {
  const auto tree = kind.view(in);
  const std::int64_t tokens = in[0].shape().rows();
  const Tensor dy = grad_or_zeros(grads[0], in[0].shape().with_last(tree.output_width));
  const float to_entropy = grads.size() > 1 ? entropy_gradient(grads[1], tokens, tree.gates.trees) : 0.0F;
  const Tensor x = kept.value();
  if (tape.dense) {
    Kind::kDenseBackward(tree, routing, tokens, x.data(), dy.data(), to_entropy, tape.all,
                         Kind::destinations(in));
  } else {
    Kind::kSparseBackward(tree, routing, tokens, x.data(), dy.data(), to_entropy, tape.survivors,
                          Kind::destinations(in));
  }
}

// `in`: x and what kind.view() reads.
template <class Kind>
TreeResult soft_tree(const Variables& in, const Kind& kind, const TreeRouting& routing, bool training,
                     TreeStatistics* statistics) {
  const auto tree = kind.view(in);
  const kernels::SoftRouting soft = soft_routing(routing, training, tree.gates.depth);
  const std::int64_t tokens = in[0].shape().rows();
  const float* x = in[0].value().data();
  const auto tape = std::allocate_shared<SoftTape<Kind>>(PoolAllocator<SoftTape<Kind>>());
  tape->dense = kernels::dense_form_is_cheaper(tree.gates, soft, tokens, x, Kind::rows_per_node(tree));
  Tensor y = Tensor::empty(in[0].shape().with_last(tree.output_width));
  const kernels::SoftSums sums = tape->dense
                                     ? Kind::kDenseForward(tree, soft, tokens, x, y.data(), tape->all)
                                     : Kind::kSparseForward(tree, soft, tokens, x, y.data(), tape->survivors);
  if (statistics != nullptr) {
    add_paths(hard_paths(tree.gates, tokens, *tape), routing.temperature, *statistics);
    add_soft_sums(sums, *statistics);
  }
  const Kept kept = kept_first(in, routing.precision);
  Tensors values{y};
  if (soft.entropy) values.push_back(mean_entropy(sums, tokens, tree.gates.trees));
  const Variables results =
      record(Kind::kName, values, without_first_value(in),
             [tape, kind, soft, kept](std::span<const Tensor> grads, std::span<Variable> inputs) {
               soft_backward(*tape, kind, soft, kept, grads, inputs);
             });
  return {results[0], soft.entropy ? results[1] : Variable()};
}

}  // namespace espalier::ops
