// Random layers of both kinds of trees, for the tests of tree operations.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "espalier/ops/leaf_tree.h"
#include "espalier/ops/neuron_tree.h"
#include "kernels/tree/leaf_tree.h"
#include "kernels/tree/nodes.h"
#include "tests/support/support.h"
#include "tests/support/tree_twins.h"

namespace espalier::ops::tree_tests {

using testing::Doubles;
using testing::random_tensor;
using testing::TreeTwin;

// leaf_width 0: a tree of neurons.
struct TreeCase {
  int trees, depth;
  std::int64_t tokens, width, output_width;
  std::int64_t leaf_width = 0;
  LeafActivation activation = LeafActivation::kRelu;
};

inline TreeTwin twin_of(const TreeCase& c) {
  return {c.trees, c.depth, c.width, c.output_width, c.leaf_width, c.activation == LeafActivation::kRelu};
}

inline std::vector<Doubles> doubles_of(const std::vector<Tensor>& inputs) {
  std::vector<Doubles> all;
  for (const Tensor& input : inputs) all.emplace_back(input.span().begin(), input.span().end());
  return all;
}

inline std::vector<Variable> variables_of(const std::vector<Tensor>& inputs) {
  std::vector<Variable> all;
  for (const Tensor& input : inputs) all.emplace_back(input, true);
  return all;
}

// x, w_in, bias, w_out; or x, gate weight and bias, leaf_in weight and bias, leaf_out weight and bias.
inline std::vector<Tensor> random_inputs(const TreeCase& c, std::uint64_t seed) {
  const TreeTwin twin = twin_of(c);
  const std::int64_t rows = c.trees * (c.leaf_width > 0 ? twin.inner() : twin.nodes());
  std::vector<Tensor> inputs{random_tensor({c.tokens, c.width}, seed),
                             random_tensor({rows, c.width}, seed + 1),
                             random_tensor({rows}, seed + 2, -0.3F, 0.3F)};
  if (c.leaf_width == 0) {
    inputs.push_back(random_tensor({rows, c.output_width}, seed + 3));
    return inputs;
  }
  const std::int64_t leaves = c.trees * twin.leaves();
  inputs.push_back(random_tensor({leaves, c.leaf_width, c.width}, seed + 3));
  inputs.push_back(random_tensor({leaves, c.leaf_width}, seed + 4));
  inputs.push_back(random_tensor({leaves, c.leaf_width, c.output_width}, seed + 5));
  inputs.push_back(random_tensor({leaves, c.output_width}, seed + 6));
  return inputs;
}

inline TreeResult apply(std::span<const Variable> in, const TreeCase& c, const TreeRouting& routing,
                        bool training = false, TreeStatistics* statistics = nullptr) {
  if (c.leaf_width == 0) {
    return neuron_tree(in[0], in[1], in[2], in[3], c.trees, c.depth, routing, training, statistics);
  }
  return leaf_tree(in[0], {in[1], in[2], in[3], in[4], in[5], in[6]}, {c.trees, c.depth, c.activation},
                   routing, training, statistics);
}

inline kernels::TreeGates gates_of(const TreeCase& c, const std::vector<Tensor>& in) {
  return {c.leaf_width == 0 ? kernels::TreeKind::kNeuron : kernels::TreeKind::kLeaf,
          c.trees,
          c.depth,
          c.width,
          in[1].data(),
          in[2].data()};
}

// The leaves the kernels' decisions lead to, [tokens, trees].
inline std::vector<std::int32_t> kernel_leaves(const TreeCase& c, const std::vector<Tensor>& in) {
  const kernels::TreeGates gates = gates_of(c, in);
  std::vector<std::int32_t> leaves;
  float logits[kernels::kMaxLevels];
  for (std::int64_t token = 0; token < c.tokens; ++token) {
    for (int tree = 0; tree < c.trees; ++tree) {
      leaves.push_back(kernels::hard_path(gates, tree, in[0].data() + token * c.width, logits));
    }
  }
  return leaves;
}

inline const char* describe(const TreeCase& c) {
  return c.leaf_width == 0 ? "neurons" : "leaves";
}

// Value and all gradients of the output against the twin with the given decisions, and that the kernels
// decide as the twin does.
inline void check_output(const TreeCase& c, const std::vector<Tensor>& inputs, const TreeRouting& routing,
                         const TreeTwin::Decide& decide, const TreeTwin::Keep& keep = nullptr,
                         bool training = false) {
  INFO(describe(c) << " trees " << c.trees << " depth " << c.depth << " tokens " << c.tokens << " width "
                   << c.width);
  const TreeTwin twin = twin_of(c);
  CHECK(testing::differing_near_ties(twin, doubles_of(inputs), kernel_leaves(c, inputs)) == 0);
  testing::check_op([&](std::span<const Variable> in) { return apply(in, c, routing, training).output; },
                    [&](std::span<const Doubles> in) { return twin_output(twin, in, decide, keep); }, inputs,
                    {.value_tolerance = 2e-6, .gradient_tolerance = 2e-5, .step = 1e-5, .seed = 7});
}

// Gradients of all inputs after one backward pass from a random upstream gradient, into empty buffers.
inline std::vector<std::vector<float>> gradients_of(const TreeCase& c, const std::vector<Tensor>& inputs,
                                                    const TreeRouting& routing,
                                                    std::vector<float>* output = nullptr) {
  const std::vector<Variable> in = variables_of(inputs);
  const TreeResult result = apply(in, c, routing, true);
  if (output != nullptr) *output = result.output.value().to_vector();
  backward(result.output, random_tensor(result.output.shape(), 77));
  std::vector<std::vector<float>> gradients;
  for (const Variable& variable : in) gradients.push_back(variable.grad().to_vector());
  return gradients;
}

}  // namespace espalier::ops::tree_tests
