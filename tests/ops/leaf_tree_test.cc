// ctest-label: threads
#include "espalier/ops/leaf_tree.h"

#include <doctest/doctest.h>

#include "kernels/leaf_tree_hard.h"
#include "kernels/leaf_tree_soft.h"
#include "tests/support/support.h"
#include "tests/support/tree_twins.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;
using testing::TreeTwin;

struct Case {
  int trees, depth;
  std::int64_t tokens, width, leaf_width, output_width;
  LeafActivation activation = LeafActivation::kRelu;
};

TreeTwin twin_of(const Case& c) {
  return {c.trees, c.depth, c.width, c.output_width, c.leaf_width, c.activation == LeafActivation::kRelu};
}

// x, gate weight and bias, leaf_in weight and bias, leaf_out weight and bias
std::vector<Tensor> random_inputs(const Case& c, std::uint64_t seed) {
  const std::int64_t gates = c.trees * twin_of(c).inner();
  const std::int64_t leaves = c.trees * twin_of(c).leaves();
  return {random_tensor({c.tokens, c.width}, seed),
          random_tensor({gates, c.width}, seed + 1),
          random_tensor({gates}, seed + 2, -0.3F, 0.3F),
          random_tensor({leaves, c.leaf_width, c.width}, seed + 3),
          random_tensor({leaves, c.leaf_width}, seed + 4),
          random_tensor({leaves, c.leaf_width, c.output_width}, seed + 5),
          random_tensor({leaves, c.output_width}, seed + 6)};
}

std::vector<Doubles> doubles_of(const std::vector<Tensor>& inputs) {
  std::vector<Doubles> all;
  for (const Tensor& input : inputs) all.emplace_back(input.span().begin(), input.span().end());
  return all;
}

TreeResult apply(std::span<const Variable> in, const Case& c, const TreeRouting& routing,
                 bool training = false, TreeStatistics* statistics = nullptr) {
  return leaf_tree(in[0], {in[1], in[2], in[3], in[4], in[5], in[6]}, {c.trees, c.depth, c.activation},
                   routing, training, statistics);
}

void check_output(const Case& c, const std::vector<Tensor>& inputs, const TreeRouting& routing,
                  const TreeTwin::Decide& decide, const TreeTwin::Keep& keep = nullptr,
                  bool training = false) {
  INFO("trees " << c.trees << " depth " << c.depth << " tokens " << c.tokens << " width " << c.width);
  const TreeTwin twin = twin_of(c);
  testing::check_op([&](std::span<const Variable> in) { return apply(in, c, routing, training).output; },
                    [&](std::span<const Doubles> in) { return twin_output(twin, in, decide, keep); }, inputs,
                    {.value_tolerance = 2e-6, .gradient_tolerance = 2e-5, .step = 1e-5, .seed = 7});
}

constexpr auto kGelu = LeafActivation::kGelu;
const std::vector<Case> kCases = {
    {1, 0, 4, 3, 5, 2}, {3, 0, 3, 4, 2, 2, kGelu}, {1, 1, 5, 7, 3, 7}, {2, 1, 1, 3, 4, 5, kGelu},
    {1, 2, 6, 5, 1, 4}, {3, 2, 5, 6, 3, 6, kGelu}, {1, 3, 7, 9, 2, 9}, {4, 3, 3, 5, 3, 5, kGelu},
    {2, 4, 5, 4, 2, 6}, {1, 2, 70, 4, 3, 4, kGelu}};

}  // namespace

TEST_CASE("hard: value and every gradient equal the dense masked twin") {
  std::uint64_t seed = 1;
  for (const Case& c : kCases) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const Doubles base = twin_logits(twin_of(c), doubles_of(inputs));
    check_output(c, inputs, {}, hard_decisions(twin_of(c), base));
  }
}

TEST_CASE("soft: value and every gradient equal the mixture of all leaves") {
  std::uint64_t seed = 1000;
  for (const Case& c : kCases) {
    const TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = 0.5F};
    check_output(c, random_inputs(c, seed += 10), routing, testing::soft_decisions(0.5));
  }
}

TEST_CASE("straight-through: equals differentiation of the dense form, masked by ste_epsilon") {
  std::uint64_t seed = 2000;
  for (const Case& c : kCases) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const Doubles base = twin_logits(twin_of(c), doubles_of(inputs));
    for (const float epsilon : {0.0F, 0.2F}) {
      const TreeRouting routing{
          .mode = RoutingMode::kStraightThrough, .temperature = 0.7F, .ste_epsilon = epsilon};
      const double tau = static_cast<double>(0.7F);
      check_output(c, inputs, routing,
                   straight_through_decisions(twin_of(c), base, tau, static_cast<double>(epsilon)));
    }
  }
}

}  // namespace espalier::ops
