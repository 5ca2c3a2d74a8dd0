#include "kernels/tree/neuron_soft_dense.h"

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/matmul.h"
#include "kernels/tree/dense_products.h"
#include "kernels/tree/soft_dense_paths.h"

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

}  // namespace

SoftSums neuron_tree_soft_dense_forward(const NeuronTree& tree, const SoftRouting& routing,
                                        std::int64_t tokens, const float* x, float* y,
                                        NeuronSoftDenseTape& tape) {
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
  matmul(tokens, tree.output_width, all, {activation.data(), all}, {tree.w_out, tree.output_width}, y,
         tree.output_width);
  return sums;
}

void neuron_tree_soft_dense_backward(const NeuronTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                     const float* x, const float* dy, float entropy_gradient,
                                     const NeuronSoftDenseTape& tape, const NeuronTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::int64_t all = std::int64_t{gates.trees} * gates.nodes();
  Scratch<float> dlogit(tokens * all);
  Scratch<float> activation(tokens * all);
  matmul(tokens, all, tree.output_width, {dy, tree.output_width}, {tree.w_out, tree.output_width, true},
         dlogit.data(), all);
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

}  // namespace espalier::kernels
