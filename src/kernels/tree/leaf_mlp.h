// The MLPs in the leaves of a tree, hidden = act(W1 x + b1), output = W2^T hidden + b2, for pairs of a token
// and a leaf (uses) that are sorted by leaf: a leaf's weights are read once for all its tokens.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"
#include "kernels/tree/leaf_products.h"
#include "kernels/tree/leaf_tree.h"
#include "kernels/tree/row_gradients.h"

namespace espalier::kernels {

// hidden[i] = act(pre[i]), i < n; hidden or slope may be pre. The slope of ReLU at 0 is 0.
void leaf_activate(LeafActivation activation, std::int64_t n, const float* pre, float* hidden);
void leaf_activate_and_slope(LeafActivation activation, std::int64_t n, const float* pre, float* hidden,
                             float* slope);

// Uses [begin, begin + count), in sorted order, of one leaf: what a task works on.
struct LeafPiece {
  std::int32_t leaf;  // over all trees
  std::int64_t begin, count;
};
// Calls body(piece) for all uses, in parallel. Pieces are short, so that a leaf with most of the tokens is
// shared.
void for_each_piece(const RowUses& uses, FunctionRef<void(const LeafPiece&)> body);

// The arrays of the following hold all uses in sorted order: token, weight [uses]; pre, dpre, activation
// [uses, leaf_width]; the functions read and write the piece's part.

// pre = W1 x[token] + b1
void leaf_hidden(const LeafTree& tree, const LeafPiece& piece, const std::int32_t* token, const float* x,
                 float* pre);
// y row (+)= weight * (W2^T act(pre) + b2); rows of y are numbered by sorted use, or by y.index of it.
void leaf_output(const LeafTree& tree, const LeafPiece& piece, const float* weight, const float* pre,
                 ScatteredRows y);
// value [uses] = <dy[token], output of the leaf>; dpre and activation = weight * act(pre) for a contribution
// of `weight`. dpre may be pre.
void leaf_backward(const LeafTree& tree, const LeafPiece& piece, const std::int32_t* token,
                   const float* weight, const float* pre, const float* dy, float* value, float* dpre,
                   float* activation);
// dx row (+)= W1^T dpre, rows as in leaf_output.
void leaf_input_gradient(const LeafTree& tree, const LeafPiece& piece, const float* dpre, ScatteredRows dx);

// Gradients of w1, b1, w2 and b2 from what leaf_backward left. A leaf's uses are summed one by one in their
// order.
void leaf_weight_gradients(const LeafTree& tree, const RowUses& uses, const float* weight, const float* dpre,
                           const float* activation, const float* x, const float* dy,
                           const LeafTreeGradients& gradients);

// What (token, gate) pairs contribute to the gates' weights, in token order; rows over all trees.
struct GateUses {
  explicit GateUses(std::int64_t count) : row(count), token(count), dlogit(count) {}
  Scratch<std::int32_t> row, token;
  Scratch<float> dlogit;
};
void gate_weight_gradients(const LeafTree& tree, const GateUses& uses, const float* x,
                           const LeafTreeGradients& gradients);

}  // namespace espalier::kernels
