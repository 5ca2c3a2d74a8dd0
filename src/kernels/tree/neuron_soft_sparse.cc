#include "kernels/tree/neuron_soft_sparse.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/tree/row_gradients.h"

namespace espalier::kernels {
namespace {

// Rows of all survivors of one token, over all trees.
void token_rows(const TreeGates& gates, const SurvivorBlock& block, std::int64_t local,
                PoolVector<std::int32_t>& rows) {
  rows.clear();
  for (int k = 0; k < gates.trees; ++k) {
    for (const Survivor& entry : block.list(local * gates.trees + k))
      rows.push_back(gates.row(k, entry.node));
  }
}

// What every survivor contributes to weights, in token order.
struct SurvivorUses {
  explicit SurvivorUses(std::int64_t count) : row(count), token(count), dlogit(count), activation(count) {}
  Scratch<std::int32_t> row, token;
  Scratch<float> dlogit, activation;
};

// One token of the sparse form, backward: fills its uses from `at` on.
void differentiate_survivors(const NeuronTree& tree, const SoftRouting& routing, std::int64_t token,
                             std::int64_t local, const SurvivorBlock& block, const float* dy,
                             float entropy_gradient, SurvivorUses& uses, std::int64_t at,
                             PoolVector<float>& scratch) {
  const TreeGates& gates = tree.gates;
  for (int k = 0; k < gates.trees; ++k) {
    const std::span<const Survivor> list = block.list(local * gates.trees + k);
    const auto count = static_cast<std::int64_t>(list.size());
    std::int32_t* rows = uses.row.data() + at;
    float* dlogit = uses.dlogit.data() + at;
    float* activation = uses.activation.data() + at;
    scratch.resize(list.size() * 3);
    float* value = scratch.data();
    std::fill_n(uses.token.data() + at, count, static_cast<std::int32_t>(token));
    for (std::int64_t i = 0; i < count; ++i) {
      rows[i] = gates.row(k, list[static_cast<std::size_t>(i)].node);
      activation[i] = list[static_cast<std::size_t>(i)].logit;
    }
    row_dots(count, rows, tree.output_source(), tree.output_width, dy, value);
    gelu_and_slope_serial(count, activation, activation, dlogit);
    for (std::int64_t i = 0; i < count; ++i) {
      const float rho = list[static_cast<std::size_t>(i)].rho;
      dlogit[i] *= rho * value[i];
      value[i] *= activation[i];
      activation[i] *= rho;
    }
    survivors_backward(gates, routing, token, k, list, entropy_gradient, value, value + count, dlogit);
    at += count;
  }
}

// First use of each block, and one more.
PoolVector<std::int64_t> block_starts(const PoolVector<SurvivorBlock>& tape) {
  PoolVector<std::int64_t> starts{0};
  for (const SurvivorBlock& block : tape) {
    starts.push_back(starts.back() + static_cast<std::int64_t>(block.entries.size()));
  }
  return starts;
}

}  // namespace

SoftSums neuron_tree_soft_sparse_forward(const NeuronTree& tree, const SoftRouting& routing,
                                         std::int64_t tokens, const float* x, float* y,
                                         PoolVector<SurvivorBlock>& tape) {
  const TreeGates& gates = tree.gates;
  tape.assign(static_cast<std::size_t>((tokens + kSurvivorTokens - 1) / kSurvivorTokens), SurvivorBlock());
  return sum_over_tokens(tokens, kSurvivorTokens, [&](std::int64_t begin, std::int64_t end, SoftSums& part) {
    SurvivorBlock& block = tape[static_cast<std::size_t>(begin / kSurvivorTokens)];
    PoolVector<std::int32_t> rows;
    PoolVector<float> activation;
    SurvivorFinder finder(gates, routing);
    for (std::int64_t token = begin; token < end; ++token) {
      const std::size_t first = block.entries.size();
      for (int k = 0; k < gates.trees; ++k) {
        finder.append(token, k, x + token * gates.width, block, part);
      }
      token_rows(gates, block, token - begin, rows);
      activation.resize(rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) activation[i] = block.entries[first + i].logit;
      gelu_serial(static_cast<std::int64_t>(rows.size()), activation.data(), activation.data());
      for (std::size_t i = 0; i < rows.size(); ++i) activation[i] *= block.entries[first + i].rho;
      weighted_row_sum(static_cast<std::int64_t>(rows.size()), rows.data(), {activation.data()},
                       tree.output_source(), tree.output_width, y + token * tree.output_width);
    }
  });
}

void neuron_tree_soft_sparse_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                      const float* x, const float* dy, float entropy_gradient,
                                      const PoolVector<SurvivorBlock>& tape,
                                      const NeuronTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const PoolVector<std::int64_t> starts = block_starts(tape);
  SurvivorUses paths(starts.back());
  parallel_for(tokens, kSurvivorTokens, [&](std::int64_t begin, std::int64_t end) {
    const auto b = static_cast<std::size_t>(begin / kSurvivorTokens);
    PoolVector<float> scratch;
    for (std::int64_t token = begin; token < end; ++token) {
      const auto first = static_cast<std::size_t>((token - begin) * gates.trees);
      const std::int64_t at = starts[b] + tape[b].begin[first];
      const std::int64_t count =
          starts[b] + tape[b].begin[first + static_cast<std::size_t>(gates.trees)] - at;
      differentiate_survivors(tree, routing, token, token - begin, tape[b], dy + token * tree.output_width,
                              entropy_gradient, paths, at, scratch);
      if (!gradients.x.wanted()) continue;
      weighted_row_sum(count, paths.row.data() + at, {paths.dlogit.data() + at}, gates.source(), gates.width,
                       gradients.x + token * gates.width);
    }
  });
  const RowUses uses(std::int64_t{gates.trees} * gates.nodes(), starts.back(), paths.row.data(),
                     paths.token.data());
  const Scratch<float> dlogit = uses.sorted(paths.dlogit.data(), 1);
  const Scratch<float> activation = uses.sorted(paths.activation.data(), 1);
  row_gradients(uses, 1, dlogit.data(), {x, gates.width}, gates.width, gradients.w_in);
  row_sums(uses, 1, dlogit.data(), gradients.bias);
  row_gradients(uses, 1, activation.data(), {dy, tree.output_width}, tree.output_width, gradients.w_out);
}

}  // namespace espalier::kernels
