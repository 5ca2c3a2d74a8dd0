#include "kernels/leaf_mlp.h"

#include <algorithm>
#include <numeric>

#include "kernels/gelu.h"

namespace espalier::kernels {

void leaf_activate(LeafActivation activation, std::int64_t n, const float* pre, float* hidden) {
  if (activation == LeafActivation::kGelu) {
    gelu_serial(n, pre, hidden);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) hidden[i] = pre[i] > 0 ? pre[i] : 0.0F;
}

void leaf_activate_and_slope(LeafActivation activation, std::int64_t n, const float* pre, float* hidden,
                             float* slope) {
  if (activation == LeafActivation::kGelu) {
    gelu_and_slope_serial(n, pre, hidden, slope);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const bool active = pre[i] > 0;
    hidden[i] = active ? pre[i] : 0.0F;
    slope[i] = active ? 1.0F : 0.0F;
  }
}

LeafMlp::LeafMlp(const LeafTree& tree)
    : tree_(tree),
      units_(tree.leaf_width),
      a_(tree.leaf_width),
      b_(tree.leaf_width),
      projection_(tree.leaf_width) {
  std::iota(units_.data(), units_.data() + tree.leaf_width, 0);
}

void LeafMlp::hidden(std::int32_t leaf, const float* x, float* pre) {
  const std::int64_t n = tree_.leaf_width;
  const std::int64_t width = tree_.gates.width;
  row_dots(n, units_.data(), {tree_.w1 + leaf * n * width, width}, width, x, pre);
  const float* bias = tree_.b1 + leaf * n;
  for (std::int64_t i = 0; i < n; ++i) pre[i] += bias[i];
}

void LeafMlp::add_output(std::int32_t leaf, float weight, const float* pre, bool accumulate, float* y) {
  const std::int64_t n = tree_.leaf_width;
  const std::int64_t width = tree_.output_width;
  leaf_activate(tree_.activation, n, pre, a_.data());
  for (std::int64_t i = 0; i < n; ++i) a_[i] *= weight;
  weighted_row_sum(n, units_.data(), {a_.data()}, {tree_.w2 + leaf * n * width, width}, width, accumulate, y);
  const std::int32_t first = 0;
  weighted_row_sum(1, &first, {&weight}, {tree_.b2 + leaf * width, width}, width, true, y);
}

float LeafMlp::value(std::int32_t leaf, const float* x, const float* dy) {
  hidden(leaf, x, a_.data());
  return backward(leaf, 1.0F, a_.data(), dy, a_.data(), b_.data());
}

float LeafMlp::backward(std::int32_t leaf, float weight, const float* pre, const float* dy, float* dpre,
                        float* activation) {
  const std::int64_t n = tree_.leaf_width;
  const std::int64_t width = tree_.output_width;
  row_dots(n, units_.data(), {tree_.w2 + leaf * n * width, width}, width, dy, projection_.data());
  leaf_activate_and_slope(tree_.activation, n, pre, activation, dpre);
  float value = row_dot(width, tree_.b2 + leaf * width, dy);
  for (std::int64_t i = 0; i < n; ++i) {
    value += activation[i] * projection_[i];
    dpre[i] *= weight * projection_[i];
    activation[i] *= weight;
  }
  return value;
}

void LeafMlp::add_input_gradient(std::int32_t leaf, const float* dpre, bool accumulate, float* dx) {
  const std::int64_t n = tree_.leaf_width;
  const std::int64_t width = tree_.gates.width;
  weighted_row_sum(n, units_.data(), {dpre}, {tree_.w1 + leaf * n * width, width}, width, accumulate, dx);
}

void leaf_weight_gradients(const LeafTree& tree, const LeafUses& uses, const float* x, const float* dy,
                           const LeafTreeGradients& gradients) {
  const RowUses rows(tree.all_leaves(), uses.leaf.size(), uses.leaf.data(), uses.token.data());
  const std::int64_t units = tree.leaf_width;
  const Scratch<float> dpre = rows.sorted(uses.dpre.data(), units);
  const Scratch<float> activation = rows.sorted(uses.activation.data(), units);
  const Scratch<float> weight = rows.sorted(uses.weight.data(), 1);
  const RowSource from_x{x, tree.gates.width};
  const RowSource from_dy{dy, tree.output_width};
  row_gradients(rows, units, dpre.data(), from_x, tree.gates.width, gradients.w1);
  row_sums(rows, units, dpre.data(), gradients.b1);
  row_gradients(rows, units, activation.data(), from_dy, tree.output_width, gradients.w2);
  row_gradients(rows, 1, weight.data(), from_dy, tree.output_width, gradients.b2);
}

void gate_weight_gradients(const LeafTree& tree, const GateUses& uses, const float* x,
                           const LeafTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const RowUses rows(std::int64_t{gates.trees} * gates.inner(), uses.row.size(), uses.row.data(),
                     uses.token.data());
  const Scratch<float> dlogit = rows.sorted(uses.dlogit.data(), 1);
  row_gradients(rows, 1, dlogit.data(), {x, gates.width}, gates.width, gradients.gate_weight);
  row_sums(rows, 1, dlogit.data(), gradients.gate_bias);
}

}  // namespace espalier::kernels
