#include "espalier/ops/neuron_tree.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/ops/tree_cases.h"

namespace espalier::ops {
namespace {

using namespace tree_tests;

const std::vector<TreeCase> kNeuronTrees = {
    {1, 0, 4, 3, 3},  {5, 0, 3, 4, 2}, {1, 1, 5, 7, 7}, {2, 1, 1, 3, 5}, {1, 2, 6, 5, 4},
    {3, 2, 5, 6, 6},  {1, 3, 7, 9, 9}, {4, 3, 3, 5, 5}, {2, 4, 5, 4, 6}, {1, 5, 9, 6, 3},
    {1, 3, 70, 4, 4}, {6, 1, 5, 4, 3}, {64, 2, 2, 3, 2}};

// Compares with the analytic twin, fed the path that the kernels took. Sums of 1000 terms in float32 may be
// off by 1000 * 2^-24 = 6e-5.
void check_large(const TreeCase& c, const std::vector<Tensor>& inputs) {
  const TreeTwin twin = twin_of(c);
  const std::vector<Doubles> doubles = doubles_of(inputs);
  const std::vector<std::int32_t> leaves = kernel_leaves(c, inputs);
  const std::int64_t ties = testing::differing_near_ties(twin, doubles, leaves);
  CHECK(ties >= 0);
  CHECK(ties <= c.tokens * c.trees / 1000);
  const Tensor upstream = random_tensor({c.tokens, c.output_width}, 77);
  const std::vector<Doubles> expected =
      twin_hard_gradients(twin, doubles, leaves, Doubles(upstream.span().begin(), upstream.span().end()));
  const std::vector<std::vector<float>> actual = gradients_of(c, inputs, {});
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("input " << i);
    CHECK(testing::max_relative_error(std::span(actual[i]), std::span<const double>(expected[i])) < 1e-4);
  }
}

std::string neuron_tree_error(const std::vector<Tensor>& inputs, int trees, int depth,
                              const TreeRouting& routing = {}) {
  return testing::error_of([&] {
    const std::vector<Variable> in = variables_of(inputs);
    neuron_tree(in[0], in[1], in[2], in[3], trees, depth, routing, false);
  });
}

}  // namespace

TEST_CASE("hard: value and every gradient equal the dense masked twin") {
  std::uint64_t seed = 1;
  std::vector<TreeCase> cases = kNeuronTrees;
  cases.push_back({1, 9, 2, 2, 2});
  for (const TreeCase& c : cases) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    check_output(c, inputs, {}, hard_decisions(twin_of(c), twin_logits(twin_of(c), doubles_of(inputs))));
  }
}

TEST_CASE("soft: value and every gradient equal the mixture over all paths") {
  std::uint64_t seed = 1000;
  for (const TreeCase& c : kNeuronTrees) {
    const TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = 0.5F};
    check_output(c, random_inputs(c, seed += 10), routing, testing::soft_decisions(0.5));
  }
}

TEST_CASE("straight-through: equals differentiation of the dense form, masked by ste_epsilon") {
  std::uint64_t seed = 2000;
  for (const TreeCase& c : kNeuronTrees) {
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

TEST_CASE("hard: many tokens, odd widths, deep trees and forests equal the analytic twin") {
  check_large({1, 9, 1000, 97, 33}, random_inputs({1, 9, 1000, 97, 33}, 1));
  check_large({3, 5, 700, 50, 130}, random_inputs({3, 5, 700, 50, 130}, 2));
  check_large({40, 1, 600, 35, 50}, random_inputs({40, 1, 600, 35, 50}, 4));
  check_large({70, 2, 100, 17, 193}, random_inputs({70, 2, 100, 17, 193}, 5));
  check_large({32, 2, 100, 17, 193}, random_inputs({32, 2, 100, 17, 193}, 3));
}

TEST_CASE("hard: a skewed tree, where all tokens meet in one leaf") {
  const TreeCase c{2, 6, 900, 19, 21};
  std::vector<Tensor> inputs = random_inputs(c, 5);
  for (float& value : inputs[2].span()) value = 100.0F;
  const std::vector<std::int32_t> leaves = kernel_leaves(c, inputs);
  CHECK(std::count(leaves.begin(), leaves.end(), 63) == 1800);
  for (float& value : inputs[2].span()) value = 2.5F;  // mostly right, so that slopes are not all 0 and 1
  check_large(c, inputs);
}

TEST_CASE("no tokens: an empty output, zero gradients, and nothing added to gradients that exist") {
  for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kSoft, RoutingMode::kStraightThrough}) {
    const TreeCase c{2, 3, 0, 4, 5};
    const std::vector<Variable> in = variables_of(random_inputs(c, 9));
    const TreeRouting routing{.mode = mode};
    for (const float expected : {0.0F, 2.0F}) {
      const Variable y = apply(in, c, routing).output;
      CHECK(y.shape() == Shape{0, 5});
      backward(y, Tensor::zeros({0, 5}));
      for (Variable variable : {in[1], in[2], in[3]}) {
        const std::vector<float> gradient = variable.grad().to_vector();
        CHECK(gradient == std::vector<float>(gradient.size(), expected));
        variable.clear_grad();
        variable.accumulate_grad(Tensor::full(variable.shape(), 2.0F));
      }
    }
  }
}

TEST_CASE("hard: gradients of rows that no token touches are left unwritten, and zero for whoever asks") {
  for (const TreeRouting& routing : {TreeRouting{}, TreeRouting{.mode = RoutingMode::kStraightThrough}}) {
    const TreeCase c{1, 6, 5, 4, 4};
    const std::vector<Variable> in = variables_of(random_inputs(c, 3));
    const Tensor upstream = random_tensor({c.tokens, c.output_width}, 7);
    const auto sweep = [&] {
      backward(neuron_tree(in[0], in[1], in[2], in[3], c.trees, c.depth, routing, true).output, upstream);
    };
    sweep();
    REQUIRE(in[1].unwritten_rows() != nullptr);
    CHECK(in[1].unwritten_rows() == in[3].unwritten_rows());
    const PoolVector<char> marks = *in[1].unwritten_rows();
    // Five tokens touch seven nodes each at most.
    CHECK(std::count(marks.begin(), marks.end(), 1) >= 127 - 5 * 7 + 4);
    const std::vector<float> once = in[1].grad().to_vector();
    for (std::size_t i = 0; i < once.size(); ++i) CHECK((marks[i / 4] == 0 || once[i] == 0));
    sweep();
    CHECK(in[1].unwritten_rows() == nullptr);
    for (std::size_t i = 0; i < once.size(); ++i) {
      CHECK(in[1].grad().data()[i] == doctest::Approx(2 * once[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("leading axes of x are kept, and only wanted gradients are computed") {
  const TreeCase c{1, 2, 6, 4, 3};
  const std::vector<Tensor> inputs = random_inputs(c, 11);
  for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kSoft, RoutingMode::kStraightThrough}) {
    const TreeRouting routing{.mode = mode};
    const std::vector<std::vector<float>> all = gradients_of(c, inputs, routing);
    for (std::size_t wanted = 0; wanted < 4; ++wanted) {
      std::vector<Variable> in{Variable(inputs[0].reshape({2, 3, 4}), wanted == 0)};
      for (std::size_t i = 1; i < 4; ++i) in.emplace_back(inputs[i], wanted == i);
      const Variable y = apply(in, c, routing).output;
      CHECK(y.shape() == Shape{2, 3, 3});
      backward(y, random_tensor({6, 3}, 77).reshape({2, 3, 3}));
      CHECK(in[wanted].grad().to_vector() == all[wanted]);
    }
  }
}

TEST_CASE("errors name the argument, the expected and the found shape") {
  const std::vector<Tensor> good = random_inputs({2, 2, 5, 4, 3}, 1);
  std::vector<Tensor> in = good;
  in[1] = Tensor::zeros({14, 5});
  CHECK(neuron_tree_error(in, 2, 2) ==
        "neuron_tree: w_in must be [14,4] (2 trees of depth 2: a row for each of 14 nodes, last axis of x "
        "[5,4]), "
        "got [14,5]");
  in = good;
  in[2] = Tensor::zeros({13});
  CHECK(neuron_tree_error(in, 2, 2) ==
        "neuron_tree: bias must be [14] (2 trees of depth 2: a row for each of 14 nodes), got [13]");
  in = good;
  in[3] = Tensor::zeros({7, 3});
  CHECK(neuron_tree_error(in, 2, 2) ==
        "neuron_tree: w_out must be [14,3] (2 trees of depth 2: a row for each of 14 nodes), got [7,3]");
  CHECK(neuron_tree_error(good, 0, 2) == "neuron_tree: trees must be at least 1, got 0");
  CHECK(neuron_tree_error(good, 2, -1) == "neuron_tree: depth must be from 0 to 24, got -1");
  CHECK(neuron_tree_error(good, 2, 25) == "neuron_tree: depth must be from 0 to 24, got 25");
  CHECK(neuron_tree_error(good, 2, 2, {.temperature = 0.0F}) ==
        "neuron_tree: routing.temperature must be positive and finite, got 0");
  CHECK(neuron_tree_error(good, 2, 2, {.epsilon = 1.0F}) ==
        "neuron_tree: routing.epsilon must be in [0, 1), got 1");
  CHECK(neuron_tree_error(good, 2, 2, {.region_leak = 1.5F}) ==
        "neuron_tree: routing.region_leak must be in [0, 1], got 1.5");
  CHECK(neuron_tree_error(good, 2, 2, {.ste_epsilon = -1.0F}) ==
        "neuron_tree: routing.ste_epsilon must be at least 0, got -1");
}

TEST_CASE("one variable for both weights is refused: its two gradients would be written at once") {
  const Variable weights(random_tensor({7, 4}, 1), true);
  CHECK(testing::error_of([&] {
          neuron_tree(Variable(random_tensor({3, 4}, 2)), weights, Variable(random_tensor({7}, 3), true),
                      weights, 1, 2, {}, true);
        }).find("w_in and w_out are the same weights") != std::string::npos);
}

TEST_CASE("entropy over all nodes is refused where not all nodes are computed") {
  const std::vector<Tensor> in = random_inputs({2, 2, 5, 4, 3}, 1);
  const TreeRouting hard{.mode = RoutingMode::kHard, .entropy = true, .entropy_form = EntropyForm::kAllNodes};
  CHECK(neuron_tree_error(in, 2, 2, hard) ==
        "neuron_tree: entropy over all nodes needs soft routing, because other modes do not compute all "
        "nodes; use "
        "the path form");
  const TreeRouting pruned{
      .mode = RoutingMode::kSoft, .epsilon = 0.125F, .entropy = true, .entropy_form = EntropyForm::kAllNodes};
  CHECK(neuron_tree_error(in, 2, 2, pruned) ==
        "neuron_tree: entropy over all nodes needs unpruned routing, but routing.epsilon is 0.125; set it to "
        "0 or use "
        "the path form");
}

}  // namespace espalier::ops
