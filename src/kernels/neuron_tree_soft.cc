#include "kernels/neuron_tree_soft.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/matmul.h"
#include "kernels/row_gradients.h"
#include "kernels/soft_forms.h"

namespace espalier::kernels {
namespace {

// One token of the dense form: completes its logits, and fills rho and activation = rho * gelu(logit).
void activate_token(const NeuronTree& tree, const SoftRouting& routing, std::int64_t token, float* logits,
                    float* rho, float* c, float* activation, SoftSums& sums) {
  const TreeGates& gates = tree.gates;
  const std::int64_t nodes = gates.nodes();
  const std::int64_t all = nodes * gates.trees;
  for (std::int64_t i = 0; i < all; ++i) logits[i] += gates.bias[i];
  gelu_serial(all, logits, activation);
  for (int k = 0; k < gates.trees; ++k) {
    soft_paths(gates, routing, token, k, logits + k * nodes, c, rho + k * nodes, sums);
  }
  for (std::int64_t i = 0; i < all; ++i) activation[i] *= rho[i];
}

struct TokenScratch {
  explicit TokenScratch(std::int64_t all) : value(all), slope(all), c(all), gate_slope(all) {}
  Scratch<float> value, slope, c, gate_slope;
};

// One token of the dense form, backward: turns projection = <dy, w_out> into dlogit and fills activation.
void differentiate_token(const NeuronTree& tree, const SoftRouting& routing, std::int64_t token,
                         const float* logits, const float* rho, float entropy_gradient, float* projection,
                         float* activation, TokenScratch& scratch) {
  const TreeGates& gates = tree.gates;
  const std::int64_t nodes = gates.nodes();
  const std::int64_t all = nodes * gates.trees;
  float* value = scratch.value.data();
  float* slope = scratch.slope.data();
  gelu_and_slope_serial(all, logits, activation, slope);
  for (std::int64_t i = 0; i < all; ++i) {
    value[i] = activation[i] * projection[i];
    projection[i] *= rho[i] * slope[i];
    activation[i] *= rho[i];
  }
  for (int k = 0; k < gates.trees; ++k) {
    const std::int64_t at = k * nodes;
    soft_paths_backward(gates, routing, token, k, logits + at, rho + at, entropy_gradient, value + at,
                        scratch.c.data(), scratch.gate_slope.data(), projection + at);
  }
}

// Rows of all survivors of one token, over all trees.
void token_rows(const TreeGates& gates, const SurvivorBlock& block, std::int64_t local,
                std::vector<std::int32_t>& rows) {
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
                             std::vector<float>& scratch) {
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
std::vector<std::int64_t> block_starts(const std::vector<SurvivorBlock>& tape) {
  std::vector<std::int64_t> starts{0};
  for (const SurvivorBlock& block : tape) {
    starts.push_back(starts.back() + static_cast<std::int64_t>(block.entries.size()));
  }
  return starts;
}

}  // namespace

SoftSums neuron_tree_dense_forward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                   const float* x, float* y, DenseNeuronTape& tape) {
  const TreeGates& gates = tree.gates;
  const std::int64_t all = std::int64_t{gates.trees} * gates.nodes();
  tape.logits = Scratch<float>(tokens * all);
  tape.rho = Scratch<float>(tokens * all);
  Scratch<float> activation(tokens * all);
  dense_logits(tokens, all, x, gates.weight, gates.width, tape.logits.data());
  const SoftSums sums =
      sum_over_tokens(tokens, kSoftTokenGrain, [&](std::int64_t begin, std::int64_t end, SoftSums& part) {
        Scratch<float> c(gates.nodes());
        for (std::int64_t token = begin; token < end; ++token) {
          const std::int64_t at = token * all;
          activate_token(tree, routing, token, tape.logits.data() + at, tape.rho.data() + at, c.data(),
                         activation.data() + at, part);
        }
      });
  matmul(tokens, tree.output_width, all, {activation.data(), all}, {tree.w_out, tree.output_width}, false, y,
         tree.output_width);
  return sums;
}

void neuron_tree_dense_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                const float* x, const float* dy, float entropy_gradient,
                                const DenseNeuronTape& tape, const NeuronTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::int64_t all = std::int64_t{gates.trees} * gates.nodes();
  Scratch<float> dlogit(tokens * all);
  Scratch<float> activation(tokens * all);
  matmul(tokens, all, tree.output_width, {dy, tree.output_width}, {tree.w_out, tree.output_width, true},
         false, dlogit.data(), all);
  parallel_for(tokens, kSoftTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    TokenScratch scratch(all);
    for (std::int64_t token = begin; token < end; ++token) {
      const std::int64_t at = token * all;
      differentiate_token(tree, routing, token, tape.logits.data() + at, tape.rho.data() + at,
                          entropy_gradient, dlogit.data() + at, activation.data() + at, scratch);
    }
  });
  dense_input_gradient(tokens, all, dlogit.data(), gates.weight, gates.width, gradients.x);
  dense_weight_gradient(tokens, all, dlogit.data(), x, gates.width, gradients.w_in);
  dense_bias_gradient(tokens, all, dlogit.data(), gradients.bias);
  dense_weight_gradient(tokens, all, activation.data(), dy, tree.output_width, gradients.w_out);
}

SoftSums neuron_tree_sparse_forward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                    const float* x, float* y, std::vector<SurvivorBlock>& tape) {
  const TreeGates& gates = tree.gates;
  tape.assign(static_cast<std::size_t>((tokens + kSurvivorTokens - 1) / kSurvivorTokens), SurvivorBlock());
  return sum_over_tokens(tokens, kSurvivorTokens, [&](std::int64_t begin, std::int64_t end, SoftSums& part) {
    SurvivorBlock& block = tape[static_cast<std::size_t>(begin / kSurvivorTokens)];
    std::vector<std::int32_t> rows;
    std::vector<float> activation;
    for (std::int64_t token = begin; token < end; ++token) {
      const std::size_t first = block.entries.size();
      for (int k = 0; k < gates.trees; ++k) {
        append_survivors(gates, routing, token, k, x + token * gates.width, block, part);
      }
      token_rows(gates, block, token - begin, rows);
      activation.resize(rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) activation[i] = block.entries[first + i].logit;
      gelu_serial(static_cast<std::int64_t>(rows.size()), activation.data(), activation.data());
      for (std::size_t i = 0; i < rows.size(); ++i) activation[i] *= block.entries[first + i].rho;
      weighted_row_sum(static_cast<std::int64_t>(rows.size()), rows.data(), {activation.data()},
                       tree.output_source(), tree.output_width, false, y + token * tree.output_width);
    }
  });
}

void neuron_tree_sparse_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                 const float* x, const float* dy, float entropy_gradient,
                                 const std::vector<SurvivorBlock>& tape,
                                 const NeuronTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::vector<std::int64_t> starts = block_starts(tape);
  SurvivorUses paths(starts.back());
  parallel_for(tokens, kSurvivorTokens, [&](std::int64_t begin, std::int64_t end) {
    const auto b = static_cast<std::size_t>(begin / kSurvivorTokens);
    std::vector<float> scratch;
    for (std::int64_t token = begin; token < end; ++token) {
      const auto first = static_cast<std::size_t>((token - begin) * gates.trees);
      const std::int64_t at = starts[b] + tape[b].begin[first];
      const std::int64_t count =
          starts[b] + tape[b].begin[first + static_cast<std::size_t>(gates.trees)] - at;
      differentiate_survivors(tree, routing, token, token - begin, tape[b], dy + token * tree.output_width,
                              entropy_gradient, paths, at, scratch);
      if (gradients.x.data == nullptr) continue;
      weighted_row_sum(count, paths.row.data() + at, {paths.dlogit.data() + at}, gates.source(), gates.width,
                       gradients.x.accumulate, gradients.x.data + token * gates.width);
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
