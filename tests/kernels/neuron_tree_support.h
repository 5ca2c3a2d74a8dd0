// A random hard tree of neurons with its results, for the tests of its kernels.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "espalier/tensor/tensor.h"
#include "kernels/tree/neuron_hard.h"
#include "tests/support/support.h"
#include "tests/support/tree_twins.h"

namespace espalier::kernels::tree_tests {

struct TreeSize {
  int trees, depth;
  std::int64_t tokens, width, output_width;
};

struct TreeWeights {
  TreeSize size;
  Tensor w_in, bias, w_out;

  // bias: half the range of the biases; shift: their mean.
  explicit TreeWeights(const TreeSize& s, float bias_range = 0.3F, float shift = 0.0F)
      : size(s),
        w_in(testing::random_tensor({rows(), s.width}, 2)),
        bias(testing::random_tensor({rows()}, 3, shift - bias_range, shift + bias_range)),
        w_out(testing::random_tensor({rows(), s.output_width}, 4)) {}

  std::int64_t rows() const { return size.trees * ((std::int64_t{2} << size.depth) - 1); }
  NeuronTree tree() const {
    return {{TreeKind::kNeuron, size.trees, size.depth, size.width, w_in.data(), bias.data()},
            size.output_width,
            w_out.data()};
  }
};

inline testing::Doubles doubles(const Tensor& tensor) {
  return {tensor.span().begin(), tensor.span().end()};
}

struct TreePaths {
  Tensor logits, y;
  std::vector<std::int32_t> leaf;
};

inline TreePaths forward(const TreeWeights& weights, const Tensor& x) {
  const TreeSize& s = weights.size;
  const std::int64_t tokens = x.shape()[0];
  TreePaths paths{Tensor::full({tokens, s.trees, s.depth + 1}, 1e9F),
                  Tensor::full({tokens, s.output_width}, 1e9F),
                  std::vector<std::int32_t>(static_cast<std::size_t>(tokens * s.trees), -1)};
  neuron_tree_hard_forward(weights.tree(), tokens, x.data(), paths.logits.data(), paths.leaf.data(),
                           paths.y.data());
  return paths;
}

struct TreeGradients {
  Tensor x, w_in, bias, w_out;

  explicit TreeGradients(const TreeWeights& weights, std::int64_t tokens)
      : x(Tensor::full({tokens, weights.size.width}, 1e9F)),
        w_in(Tensor::full(weights.w_in.shape(), 1e9F)),
        bias(Tensor::full(weights.bias.shape(), 1e9F)),
        w_out(Tensor::full(weights.w_out.shape(), 1e9F)) {}

  NeuronTreeGradients destinations(bool accumulate) {
    return {{x.data(), accumulate},
            {w_in.data(), accumulate},
            {bias.data(), accumulate},
            {w_out.data(), accumulate}};
  }
  std::vector<std::vector<float>> of_weights() const {
    return {w_in.to_vector(), bias.to_vector(), w_out.to_vector()};
  }
  std::vector<std::vector<float>> all() const {
    return {x.to_vector(), w_in.to_vector(), bias.to_vector(), w_out.to_vector()};
  }
};

inline std::int64_t add_gradients(const TreeWeights& weights, const Tensor& x, const Tensor& dy,
                                  const TreePaths& paths, const StraightThrough* straight_through,
                                  bool accumulate, TreeGradients& gradients) {
  return neuron_tree_hard_backward(weights.tree(), x.shape()[0], x.data(), dy.data(), paths.logits.data(),
                                   paths.leaf.data(), straight_through, gradients.destinations(accumulate));
}

}  // namespace espalier::kernels::tree_tests
