#include "espalier/ops/leaf_tree.h"

#include <doctest/doctest.h>

#include "tests/ops/tree_cases.h"

namespace espalier::ops {
namespace {

using namespace tree_tests;

constexpr auto kRelu = LeafActivation::kRelu;
constexpr auto kGelu = LeafActivation::kGelu;
const std::vector<TreeCase> kLeafTrees = {
    {1, 0, 4, 3, 2, 5, kRelu},  {3, 0, 3, 4, 2, 2, kGelu}, {1, 1, 5, 7, 7, 3, kRelu},
    {2, 1, 1, 3, 5, 4, kGelu},  {1, 2, 6, 5, 4, 1, kRelu}, {3, 2, 5, 6, 6, 3, kGelu},
    {1, 3, 7, 9, 9, 2, kRelu},  {5, 3, 3, 5, 5, 3, kGelu}, {2, 4, 5, 4, 6, 2, kRelu},
    {1, 2, 70, 4, 4, 3, kGelu}, {1, 5, 6, 3, 3, 1, kGelu}};

std::string leaf_tree_error(const std::vector<Tensor>& inputs, const TreeCase& c,
                            const TreeRouting& routing = {}) {
  return testing::error_of([&] { apply(variables_of(inputs), c, routing); });
}

}  // namespace

TEST_CASE("hard: value and every gradient equal the dense masked twin") {
  std::uint64_t seed = 1;
  for (const TreeCase& c : kLeafTrees) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    check_output(c, inputs, {}, hard_decisions(twin_of(c), twin_logits(twin_of(c), doubles_of(inputs))));
  }
}

TEST_CASE("soft: value and every gradient equal the mixture of all leaves") {
  std::uint64_t seed = 1000;
  for (const TreeCase& c : kLeafTrees) {
    const TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = 0.5F};
    check_output(c, random_inputs(c, seed += 10), routing, testing::soft_decisions(0.5));
  }
}

TEST_CASE("straight-through: equals differentiation of the dense form, masked by ste_epsilon") {
  std::uint64_t seed = 2000;
  for (const TreeCase& c : kLeafTrees) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const Doubles base = twin_logits(twin_of(c), doubles_of(inputs));
    for (const double epsilon : {0.0, 0.25}) {
      const TreeRouting routing{.mode = RoutingMode::kStraightThrough,
                                .temperature = 0.75F,
                                .ste_epsilon = static_cast<float>(epsilon)};
      check_output(c, inputs, routing, straight_through_decisions(twin_of(c), base, 0.75, epsilon));
    }
  }
}

TEST_CASE("a gate whose logit is zero goes right, unlike a neuron's") {
  TreeCase c{1, 1, 1, 2, 1, 1};
  std::vector<Tensor> inputs = random_inputs(c, 5);
  inputs[1].fill(0.0F);
  inputs[2].fill(0.0F);
  CHECK(kernel_leaves(c, inputs) == std::vector<std::int32_t>{1});
  c.leaf_width = 0;
  inputs = random_inputs(c, 5);
  inputs[1].fill(0.0F);
  inputs[2].fill(0.0F);
  CHECK(kernel_leaves(c, inputs) == std::vector<std::int32_t>{0});
}

TEST_CASE("without decisions the gates may be absent, and every mode is the same MLP") {
  const TreeCase c{3, 0, 5, 4, 2, 3};
  const std::vector<Tensor> inputs = random_inputs(c, 8);
  std::vector<Variable> in = variables_of(inputs);
  in[1] = in[2] = Variable();
  const std::vector<float> hard = apply(in, c, {}).output.value().to_vector();
  const TreeRouting soft{.mode = RoutingMode::kSoft, .entropy = true};
  CHECK(apply(in, c, soft).output.value().to_vector() == hard);
  CHECK_FALSE(apply(in, c, soft).entropy.defined());
  CHECK(apply(in, c, {.mode = RoutingMode::kStraightThrough}).output.value().to_vector() == hard);
}

TEST_CASE("no tokens: an empty output, zero gradients, and nothing added to gradients that exist") {
  for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kSoft, RoutingMode::kStraightThrough}) {
    const TreeCase c{2, 3, 0, 4, 5, 2};
    const std::vector<Variable> in = variables_of(random_inputs(c, 9));
    for (const float expected : {0.0F, 2.0F}) {
      const Variable y = apply(in, c, {.mode = mode}).output;
      CHECK(y.shape() == Shape{0, 5});
      backward(y, Tensor::zeros({0, 5}));
      for (std::size_t i = 1; i < in.size(); ++i) {
        Variable variable = in[i];
        const std::vector<float> gradient = variable.grad().to_vector();
        CHECK(gradient == std::vector<float>(gradient.size(), expected));
        variable.clear_grad();
        variable.accumulate_grad(Tensor::full(variable.shape(), 2.0F));
      }
    }
  }
}

TEST_CASE("errors name the argument, the expected and the found shape") {
  const TreeCase c{2, 2, 5, 4, 3, 6};
  const std::vector<Tensor> good = random_inputs(c, 1);
  std::vector<Tensor> in = good;
  in[1] = Tensor::zeros({6, 5});
  CHECK(
      leaf_tree_error(in, c) ==
      "leaf_tree: gate_weight must be [6,4] (2 trees of depth 2: 6 gates, last axis of x [5,4]), got [6,5]");
  in = good;
  in[3] = Tensor::zeros({8, 6, 3});
  CHECK(
      leaf_tree_error(in, c) ==
      "leaf_tree: leaf_in must be [8,6,4] (2 trees of depth 2: 8 leaves, 6 hidden units each, last axis of x "
      "[5,4]), got [8,6,3]");
  in = good;
  in[5] = Tensor::zeros({8, 5, 3});
  CHECK(
      leaf_tree_error(in, c) ==
      "leaf_tree: leaf_out must be [8,6,3] (2 trees of depth 2: 8 leaves, 6 hidden units each), got [8,5,3]");
  in = good;
  in[6] = Tensor::zeros({8, 4});
  CHECK(leaf_tree_error(in, c) ==
        "leaf_tree: leaf_out_bias must be [8,3] (2 trees of depth 2: 8 leaves, 6 hidden units each), got "
        "[8,4]");
  CHECK(leaf_tree_error(good, c, {.temperature = -1.0F}) ==
        "leaf_tree: routing.temperature must be positive and finite, got -1");
}

}  // namespace espalier::ops
