#include "kernels/tree/leaf_soft_dense.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/tree/dense_products.h"
#include "kernels/tree/leaf_mlp.h"
#include "kernels/tree/soft_dense_paths.h"

namespace espalier::kernels {
namespace {

struct Sizes {
  explicit Sizes(const LeafTree& tree)
      : gates(std::int64_t{tree.gates.trees} * tree.gates.inner()),
        nodes(std::int64_t{tree.gates.trees} * tree.gates.nodes()),
        leaves(tree.all_leaves()),
        units(leaves * tree.leaf_width) {}
  std::int64_t gates, nodes, leaves, units;  // of a token
};

// The leaves' part of rho [trees, nodes] -> out [trees, leaves].
void copy_leaf_rho(const TreeGates& gates, const float* rho, float* out) {
  for (int k = 0; k < gates.trees; ++k) {
    const std::int64_t nodes = gates.nodes();
    std::copy_n(rho + k * nodes + gates.inner(), gates.leaves(), out + k * gates.leaves());
  }
}

// values[leaf, unit] *= weights[leaf]
void scale_leaves(std::int64_t leaves, std::int64_t units, const float* weights, float* values) {
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    for (std::int64_t i = leaf * units; i < (leaf + 1) * units; ++i) values[i] *= weights[leaf];
  }
}

// One token of the dense form: rho, the leaves' rho, and activation = rho * act(pre), from products without
// biases.
void activate_token(const LeafTree& tree, const SoftRouting& routing, std::int64_t token, float* logits,
                    float* rho, float* leaf_rho, float* pre, float* activation, float* c, SoftSums& sums) {
  const TreeGates& gates = tree.gates;
  const Sizes size(tree);
  for (std::int64_t i = 0; i < size.gates; ++i) logits[i] += gates.bias[i];
  for (std::int64_t i = 0; i < size.units; ++i) pre[i] += tree.b1[i];
  for (int k = 0; k < gates.trees; ++k) {
    soft_paths(gates, routing, token, k, logits + std::int64_t{k} * gates.inner(), c,
               rho + std::int64_t{k} * gates.nodes(), sums);
  }
  copy_leaf_rho(gates, rho, leaf_rho);
  leaf_activate(tree.activation, size.units, pre, activation);
  scale_leaves(size.leaves, tree.leaf_width, leaf_rho, activation);
}

struct TokenScratch {
  explicit TokenScratch(const Sizes& size)
      : value(size.nodes), slope(size.units), c(size.gates), gate_slope(size.gates) {}
  Scratch<float> value, slope, c, gate_slope;
};

// One token of the dense form, backward: projection = <dy, w2> becomes dpre, leaf_value = <dy, b2> is read;
// fills activation, leaf_rho and dlogit.
void differentiate_token(const LeafTree& tree, const SoftRouting& routing, std::int64_t token,
                         const float* logits, const float* rho, const float* pre, float entropy_gradient,
                         const float* leaf_value, float* projection, float* activation, float* leaf_rho,
                         float* dlogit, TokenScratch& scratch) {
  const TreeGates& gates = tree.gates;
  const Sizes size(tree);
  copy_leaf_rho(gates, rho, leaf_rho);
  leaf_activate_and_slope(tree.activation, size.units, pre, activation, scratch.slope.data());
  std::fill_n(scratch.value.data(), size.nodes, 0.0F);
  std::fill_n(dlogit, size.gates, 0.0F);
  for (std::int64_t leaf = 0; leaf < size.leaves; ++leaf) {
    float value = leaf_value[leaf];
    for (std::int64_t i = leaf * tree.leaf_width; i < (leaf + 1) * tree.leaf_width; ++i) {
      value += activation[i] * projection[i];
      projection[i] *= leaf_rho[leaf] * scratch.slope[i];
    }
    const std::int64_t k = leaf / gates.leaves();
    scratch.value[k * gates.nodes() + gates.inner() + leaf % gates.leaves()] = value;
  }
  scale_leaves(size.leaves, tree.leaf_width, leaf_rho, activation);
  for (int k = 0; k < gates.trees; ++k) {
    const std::int64_t gate = std::int64_t{k} * gates.inner();
    const std::int64_t node = std::int64_t{k} * gates.nodes();
    soft_paths_backward(gates, routing, token, k, logits + gate, rho + node, entropy_gradient,
                        scratch.value.data() + node, scratch.c.data(), scratch.gate_slope.data(),
                        dlogit + gate);
  }
}

}  // namespace

SoftSums leaf_tree_soft_dense_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                      const float* x, float* y, LeafSoftDenseTape& tape) {
  const TreeGates& gates = tree.gates;
  const Sizes size(tree);
  tape.logits = Scratch<float>(tokens * size.gates);
  tape.rho = Scratch<float>(tokens * size.nodes);
  tape.pre = Scratch<float>(tokens * size.units);
  Scratch<float> activation(tokens * size.units);
  Scratch<float> leaf_rho(tokens * size.leaves);
  if (size.gates > 0) dense_logits(tokens, size.gates, x, gates.weight, gates.width, tape.logits.data());
  dense_logits(tokens, size.units, x, tree.w1, gates.width, tape.pre.data());
  const auto activate = [&](std::int64_t begin, std::int64_t end, SoftSums& part) {
    Scratch<float> c(size.gates);
    for (std::int64_t token = begin; token < end; ++token) {
      activate_token(tree, routing, token, tape.logits.data() + token * size.gates,
                     tape.rho.data() + token * size.nodes, leaf_rho.data() + token * size.leaves,
                     tape.pre.data() + token * size.units, activation.data() + token * size.units, c.data(),
                     part);
    }
  };
  const SoftSums sums = sum_over_tokens(tokens, kSoftTokenGrain, activate);
  matmul(tokens, tree.output_width, size.units, {activation.data(), size.units}, {tree.w2, tree.output_width},
         y, tree.output_width);
  matmul(tokens, tree.output_width, size.leaves, {leaf_rho.data(), size.leaves}, {tree.b2, tree.output_width},
         {y, true}, tree.output_width);
  return sums;
}

void leaf_tree_soft_dense_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                   const float* x, const float* dy, float entropy_gradient,
                                   const LeafSoftDenseTape& tape, const LeafTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const Sizes size(tree);
  Scratch<float> dpre(tokens * size.units);
  Scratch<float> activation(tokens * size.units);
  Scratch<float> leaf_value(tokens * size.leaves);
  Scratch<float> leaf_rho(tokens * size.leaves);
  Scratch<float> dlogit(tokens * size.gates);
  dense_logits(tokens, size.units, dy, tree.w2, tree.output_width, dpre.data());
  dense_logits(tokens, size.leaves, dy, tree.b2, tree.output_width, leaf_value.data());
  parallel_for(tokens, kSoftTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    TokenScratch scratch(size);
    for (std::int64_t token = begin; token < end; ++token) {
      differentiate_token(tree, routing, token, tape.logits.data() + token * size.gates,
                          tape.rho.data() + token * size.nodes, tape.pre.data() + token * size.units,
                          entropy_gradient, leaf_value.data() + token * size.leaves,
                          dpre.data() + token * size.units, activation.data() + token * size.units,
                          leaf_rho.data() + token * size.leaves, dlogit.data() + token * size.gates, scratch);
    }
  });
  dense_input_gradient(tokens, size.units, dpre.data(), tree.w1, gates.width, gradients.x);
  dense_weight_gradient(tokens, size.units, dpre.data(), x, gates.width, gradients.w1);
  dense_bias_gradient(tokens, size.units, dpre.data(), gradients.b1);
  dense_weight_gradient(tokens, size.units, activation.data(), dy, tree.output_width, gradients.w2);
  dense_weight_gradient(tokens, size.leaves, leaf_rho.data(), dy, tree.output_width, gradients.b2);
  if (size.gates == 0) return;
  dense_input_gradient(tokens, size.gates, dlogit.data(), gates.weight, gates.width, gradients.x.after(true));
  dense_weight_gradient(tokens, size.gates, dlogit.data(), x, gates.width, gradients.gate_weight);
  dense_bias_gradient(tokens, size.gates, dlogit.data(), gradients.gate_bias);
}

}  // namespace espalier::kernels
