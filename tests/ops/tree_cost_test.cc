// What trees touch: the number of nodes evaluated, which weights get gradients, and the statistics that
// report it.
#include <doctest/doctest.h>

#include <cmath>

#include "kernels/tree/leaf_hard.h"
#include "kernels/tree/neuron_hard.h"
#include "tests/ops/tree_cases.h"

namespace espalier::ops {
namespace {

using namespace tree_tests;

// Evaluated sibling nodes of a straight-through backward pass.
std::int64_t neuron_siblings(const TreeCase& c, const std::vector<Tensor>& in,
                             const kernels::StraightThrough* options) {
  const kernels::NeuronTree tree{gates_of(c, in), c.output_width, in[3].data()};
  Tensor logits = Tensor::empty({c.tokens, c.trees, c.depth + 1});
  IntTensor leaf = IntTensor::empty({c.tokens, c.trees});
  Tensor y = Tensor::empty({c.tokens, c.output_width});
  neuron_tree_hard_forward(tree, c.tokens, in[0].data(), logits.data(), leaf.data(), y.data());
  return neuron_tree_hard_backward(tree, c.tokens, in[0].data(), y.data(), logits.data(), leaf.data(),
                                   options, {});
}

kernels::SiblingCounts leaf_siblings(const TreeCase& c, const std::vector<Tensor>& in,
                                     const kernels::StraightThrough* options) {
  const kernels::LeafTree tree{gates_of(c, in), c.leaf_width, c.output_width, kernels::LeafActivation::kRelu,
                               in[3].data(),    in[4].data(), in[5].data(),   in[6].data()};
  Tensor logits = Tensor::empty({c.tokens, c.trees, c.depth});
  IntTensor leaf = IntTensor::empty({c.tokens, c.trees});
  Tensor pre = Tensor::empty({c.tokens, c.trees, c.leaf_width});
  Tensor y = Tensor::empty({c.tokens, c.output_width});
  leaf_tree_hard_forward(tree, c.tokens, in[0].data(), logits.data(), leaf.data(), pre.data(), y.data());
  return leaf_tree_hard_backward(tree, c.tokens, in[0].data(), y.data(), logits.data(), leaf.data(),
                                 pre.data(), options, {});
}

// Rows (of `width` elements) that hold anything but exact zeros.
std::vector<bool> touched_rows(const Tensor& gradient, std::int64_t width) {
  std::vector<bool> touched;
  for (std::int64_t row = 0; row < gradient.size() / width; ++row) {
    const float* from = gradient.data() + row * width;
    touched.push_back(std::any_of(from, from + width, [](float g) { return g != 0.0F; }));
  }
  return touched;
}

}  // namespace

TEST_CASE("hard: nodes evaluated grow with the depth, not with the number of nodes") {
  for (const int depth : {1, 5, 9, 14}) {
    const TreeCase c{2, depth, 10, 3, 3};
    TreeStatistics statistics;
    apply(variables_of(random_inputs(c, 1)), c, {}, false, &statistics);
    CHECK(statistics.surviving_nodes == 10 * 2 * (depth + 1));
  }
}

TEST_CASE("straight-through: D(D+1)/2 sibling nodes a token and tree, none where all are skipped") {
  for (const int depth : {1, 4, 11}) {
    const TreeCase neurons{2, depth, 10, 3, 3};
    const TreeCase leaves{2, depth, 10, 3, 3, 2};
    const kernels::StraightThrough all{1.0F, 0.0F};
    const kernels::StraightThrough none{1.0F, 0.3F};  // the slope is at most 1/4
    const std::vector<Tensor> in = random_inputs(neurons, 1);
    CHECK(neuron_siblings(neurons, in, &all) == 20 * depth * (depth + 1) / 2);
    CHECK(neuron_siblings(neurons, in, &none) == 0);
    CHECK(neuron_siblings(neurons, in, nullptr) == 0);
    const std::vector<Tensor> leaf_in = random_inputs(leaves, 1);
    CHECK(leaf_siblings(leaves, leaf_in, &all).gates == 20 * depth * (depth - 1) / 2);
    CHECK(leaf_siblings(leaves, leaf_in, &all).leaves == 20 * depth);
    CHECK(leaf_siblings(leaves, leaf_in, &none).leaves == 0);
  }
}

TEST_CASE("hard and straight-through: weights off the path get exactly no gradient") {
  for (const TreeCase& c : {TreeCase{2, 5, 6, 7, 5}, TreeCase{2, 5, 6, 7, 5, 3}}) {
    const std::vector<Tensor> inputs = random_inputs(c, 3);
    const TreeTwin twin = twin_of(c);
    const std::vector<std::int32_t> leaves = kernel_leaves(c, inputs);
    std::vector<bool> on_path(static_cast<std::size_t>(c.trees * twin.nodes()), false);
    for (std::size_t path = 0; path < leaves.size(); ++path) {
      const std::int64_t first = static_cast<std::int64_t>(path) % c.trees * twin.nodes();
      for (std::int64_t node = leaves[path] + twin.inner(); node >= 0;
           node = node == 0 ? -1 : (node - 1) / 2) {
        on_path[static_cast<std::size_t>(first + node)] = true;
      }
    }
    for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kStraightThrough}) {
      const std::vector<Variable> in = variables_of(inputs);
      const Variable y = apply(in, c, {.mode = mode}).output;
      backward(y, random_tensor(y.shape(), 5));
      if (c.leaf_width == 0) {
        CHECK(touched_rows(in[1].grad(), c.width) == on_path);
        CHECK(touched_rows(in[3].grad(), c.output_width) == on_path);
        continue;
      }
      std::vector<bool> gates;
      std::vector<bool> leaf_rows;
      for (int tree = 0; tree < c.trees; ++tree) {
        const auto begin = on_path.begin() + tree * twin.nodes();
        gates.insert(gates.end(), begin, begin + twin.inner());
        leaf_rows.insert(leaf_rows.end(), begin + twin.inner(), begin + twin.nodes());
      }
      if (mode == RoutingMode::kHard) gates.assign(gates.size(), false);
      CHECK(touched_rows(in[1].grad(), c.width) == gates);
      CHECK(touched_rows(in[6].grad(), c.output_width) == leaf_rows);
    }
  }
}

TEST_CASE("statistics: levels, leaves and sums over passes, the same in every mode") {
  for (const TreeCase& c : {TreeCase{3, 4, 50, 6, 4}, TreeCase{3, 4, 50, 6, 4, 2}}) {
    const std::vector<Tensor> inputs = random_inputs(c, 21);
    const TreeTwin twin = twin_of(c);
    const Doubles logits = twin_logits(twin, doubles_of(inputs));
    const std::vector<std::int32_t> leaves = twin_leaves(twin, logits);
    Doubles entropy(4, 0.0);
    std::vector<std::int64_t> undecided(4, 0);
    std::vector<std::int64_t> leaf_tokens(48, 0);
    for (std::int64_t path = 0; path < 150; ++path) {
      const std::int32_t leaf = leaves[static_cast<std::size_t>(path)];
      ++leaf_tokens[static_cast<std::size_t>(path % 3 * 16 + leaf)];
      for (int level = 0; level < 4; ++level) {
        const std::int64_t node = (1 << level) - 1 + (leaf >> (4 - level));
        const double p =
            testing::twin_sigmoid(logits[twin.at(path / 3, static_cast<int>(path % 3), node)] / 0.8);
        entropy[static_cast<std::size_t>(level)] -= p * std::log(p) + (1 - p) * std::log(1 - p);
        if (std::abs(p - 0.5) < 0.1) ++undecided[static_cast<std::size_t>(level)];
      }
    }
    for (const TreeRouting& routing :
         {TreeRouting{.mode = RoutingMode::kHard, .temperature = 0.8F},
          TreeRouting{.mode = RoutingMode::kStraightThrough, .temperature = 0.8F},
          TreeRouting{.mode = RoutingMode::kSoft, .temperature = 0.8F},
          TreeRouting{.mode = RoutingMode::kSoft, .temperature = 0.8F, .epsilon = 0.9F}}) {
      TreeStatistics statistics;
      for (int pass = 0; pass < 2; ++pass) apply(variables_of(inputs), c, routing, false, &statistics);
      CHECK(statistics.trees == 3);
      CHECK(statistics.depth == 4);
      CHECK(statistics.tokens == 100);
      for (std::size_t level = 0; level < 4; ++level) {
        CHECK(statistics.entropy[level] == doctest::Approx(2 * entropy[level]).epsilon(1e-5));
        CHECK(statistics.undecided[level] == 2 * undecided[level]);
      }
      for (std::size_t i = 0; i < leaf_tokens.size(); ++i) {
        CHECK(statistics.leaf_tokens[i] == 2 * leaf_tokens[i]);
      }
    }
  }
}

}  // namespace espalier::ops
