// The MLPs in the leaves of a tree: hidden = act(W1 x + b1), output = W2^T hidden + b2; one leaf and one
// token at a time, on the calling thread.
#pragma once

#include <cstdint>

#include "kernels/row_gradients.h"
#include "kernels/tree.h"

namespace espalier::kernels {

enum class LeafActivation { kRelu, kGelu };

struct LeafTree {
  TreeGates gates;  // kind kLeaf
  std::int64_t leaf_width;
  std::int64_t output_width;
  LeafActivation activation;
  const float* w1;  // [trees * leaves, leaf_width, width]
  const float* b1;  // [trees * leaves, leaf_width]
  const float* w2;  // [trees * leaves, leaf_width, output_width]: a row a hidden unit
  const float* b2;  // [trees * leaves, output_width]

  std::int64_t all_leaves() const { return std::int64_t{gates.trees} * gates.leaves(); }
  // The number of a leaf over all trees.
  std::int32_t leaf_row(int tree, std::int32_t leaf) const { return tree * gates.leaves() + leaf; }
};

// Gradients, of the shapes of LeafTree's members (and of gates.weight, gates.bias), and of x.
struct LeafTreeGradients {
  Destination x, gate_weight, gate_bias, w1, b1, w2, b2;
};

// hidden[i] = act(pre[i]), i < n; hidden or slope may be pre. The slope of ReLU at 0 is 0.
void leaf_activate(LeafActivation activation, std::int64_t n, const float* pre, float* hidden);
void leaf_activate_and_slope(LeafActivation activation, std::int64_t n, const float* pre, float* hidden,
                             float* slope);

// Evaluates single leaves; keeps scratch memory between calls. `leaf` counts over all trees.
class LeafMlp {
 public:
  explicit LeafMlp(const LeafTree& tree);

  // pre [leaf_width] = W1 x + b1
  void hidden(std::int32_t leaf, const float* x, float* pre);
  // y (+)= weight * (W2^T act(pre) + b2)
  void add_output(std::int32_t leaf, float weight, const float* pre, bool accumulate, float* y);
  // <dy, output of the leaf>
  float value(std::int32_t leaf, const float* x, const float* dy);
  // The same from known pre; and, for a contribution of `weight`, dpre [leaf_width] and activation = weight *
  // act(pre) [leaf_width].
  float backward(std::int32_t leaf, float weight, const float* pre, const float* dy, float* dpre,
                 float* activation);
  // dx (+)= W1^T dpre
  void add_input_gradient(std::int32_t leaf, const float* dpre, bool accumulate, float* dx);

 private:
  const LeafTree& tree_;
  Scratch<std::int32_t> units_;  // 0, 1, ... leaf_width - 1
  Scratch<float> a_, b_, projection_;
};

// What (token, leaf) pairs contribute to the leaves' weights, in token order.
struct LeafUses {
  LeafUses(std::int64_t count, std::int64_t leaf_width)
      : leaf(count), token(count), weight(count), dpre(count * leaf_width), activation(count * leaf_width) {}
  Scratch<std::int32_t> leaf, token;
  Scratch<float> weight, dpre, activation;
};
void leaf_weight_gradients(const LeafTree& tree, const LeafUses& uses, const float* x, const float* dy,
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
