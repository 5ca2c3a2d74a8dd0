#include "kernels/tree/leaf_mlp.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"

namespace espalier::kernels {
namespace {

// Scratch memory is that of a full piece, so that its size, by which the pool keeps it, does not follow the
// tokens.
constexpr std::int64_t kPieceUses = 128;
// Columns of a gradient whose vectors, those of a piece's tokens, stay in the first-level cache.
constexpr std::int64_t kColumnBlock = 64;

ScatteredRows part_of(const ScatteredRows& all, const LeafPiece& piece) {
  if (all.index == nullptr) return {all.to + piece.begin * all.stride, all.stride, nullptr};
  return {all.to, all.stride, all.index + piece.begin};
}

// values[i, u] *= weight[i]
void scale_uses(std::int64_t count, std::int64_t units, const float* weight, float* values) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t u = 0; u < units; ++u) values[i * units + u] *= weight[i];
  }
}

// out[leaf, u, :] (+)= sum over the leaf's uses of coefficients[use, u] * source[token, :].
void outer_products(const RowUses& uses, std::int64_t units, const float* coefficients, RowSource source,
                    Destination out) {
  if (!out.wanted()) return;
  const std::int64_t width = source.stride;
  const std::int64_t blocks = (width + kColumnBlock - 1) / kColumnBlock;
  parallel_for(uses.rows() * blocks, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t leaf = task / blocks;
      const std::int64_t column = task % blocks * kColumnBlock;
      const std::int64_t first = uses.begin(leaf);
      gathered_outer_products(uses.begin(leaf + 1) - first, units, coefficients + first * units,
                              {source.data + column, width, uses.tokens() + first},
                              std::min(kColumnBlock, width - column), out + leaf * units * width + column,
                              width);
    }
  });
}

}  // namespace

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

void for_each_piece(const RowUses& uses, FunctionRef<void(const LeafPiece&)> body) {
  Scratch<LeafPiece> pieces(uses.rows() + uses.count() / kPieceUses);
  std::int64_t count = 0;
  for (std::int64_t leaf = 0; leaf < uses.rows(); ++leaf) {
    const std::int64_t end = uses.begin(leaf + 1);
    for (std::int64_t at = uses.begin(leaf); at < end; at += kPieceUses) {
      pieces[count++] = {static_cast<std::int32_t>(leaf), at, std::min(kPieceUses, end - at)};
    }
  }
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t) { body(pieces[begin]); });
}

void leaf_hidden(const LeafTree& tree, const LeafPiece& piece, const std::int32_t* token, const float* x,
                 float* pre) {
  const std::int64_t n = tree.leaf_width;
  const std::int64_t width = tree.gates.width;
  float* own = pre + piece.begin * n;
  gathered_dots(piece.count, {x, width, token + piece.begin}, width, n, tree.w1 + piece.leaf * n * width,
                own);
  const float* bias = tree.b1 + piece.leaf * n;
  for (std::int64_t i = 0; i < piece.count; ++i) {
    for (std::int64_t u = 0; u < n; ++u) own[i * n + u] += bias[u];
  }
}

void leaf_output(const LeafTree& tree, const LeafPiece& piece, const float* weight, const float* pre,
                 ScatteredRows y) {
  const std::int64_t n = tree.leaf_width;
  const std::int64_t width = tree.output_width;
  Scratch<float> activation(kPieceUses * n);
  leaf_activate(tree.activation, piece.count * n, pre + piece.begin * n, activation.data());
  scale_uses(piece.count, n, weight + piece.begin, activation.data());
  scattered_sums(piece.count, n, activation.data(), tree.w2 + piece.leaf * n * width, width,
                 {tree.b2 + piece.leaf * width, weight + piece.begin}, part_of(y, piece));
}

void leaf_backward(const LeafTree& tree, const LeafPiece& piece, const std::int32_t* token,
                   const float* weight, const float* pre, const float* dy, float* value, float* dpre,
                   float* activation) {
  const std::int64_t n = tree.leaf_width;
  const std::int64_t width = tree.output_width;
  const std::int64_t first = piece.begin * n;
  const GatheredRows vectors{dy, width, token + piece.begin};
  Scratch<float> projection(kPieceUses * n);
  gathered_dots(piece.count, vectors, width, n, tree.w2 + piece.leaf * n * width, projection.data());
  gathered_dots(piece.count, vectors, width, 1, tree.b2 + piece.leaf * width, value + piece.begin);
  leaf_activate_and_slope(tree.activation, piece.count * n, pre + first, activation + first, dpre + first);
  for (std::int64_t i = 0; i < piece.count; ++i) {
    const float own = weight[piece.begin + i];
    float sum = value[piece.begin + i];
    for (std::int64_t j = i * n; j < (i + 1) * n; ++j) {
      sum += activation[first + j] * projection[j];
      dpre[first + j] *= own * projection[j];
      activation[first + j] *= own;
    }
    value[piece.begin + i] = sum;
  }
}

void leaf_input_gradient(const LeafTree& tree, const LeafPiece& piece, const float* dpre, ScatteredRows dx) {
  const std::int64_t n = tree.leaf_width;
  const std::int64_t width = tree.gates.width;
  scattered_sums(piece.count, n, dpre + piece.begin * n, tree.w1 + piece.leaf * n * width, width, {},
                 part_of(dx, piece));
}

void leaf_weight_gradients(const LeafTree& tree, const RowUses& uses, const float* weight, const float* dpre,
                           const float* activation, const float* x, const float* dy,
                           const LeafTreeGradients& gradients) {
  const std::int64_t units = tree.leaf_width;
  row_sums(uses, units, dpre, gradients.b1);
  outer_products(uses, units, dpre, {x, tree.gates.width}, gradients.w1);
  outer_products(uses, units, activation, {dy, tree.output_width}, gradients.w2);
  outer_products(uses, 1, weight, {dy, tree.output_width}, gradients.b2);
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
