// ctest-label: threads
#include "espalier/ops/neuron_tree.h"

#include <doctest/doctest.h>

#include "espalier/base/parallel.h"
#include "kernels/neuron_tree_hard.h"
#include "kernels/neuron_tree_soft.h"
#include "tests/support/support.h"
#include "tests/support/tree_twins.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;
using testing::TreeTwin;

struct Case {
  int trees, depth;
  std::int64_t tokens, width, output_width;
};

TreeTwin twin_of(const Case& c) {
  return {c.trees, c.depth, c.width, c.output_width};
}

// x, w_in, bias, w_out
std::vector<Tensor> random_inputs(const Case& c, std::uint64_t seed) {
  const std::int64_t rows = c.trees * twin_of(c).nodes();
  return {random_tensor({c.tokens, c.width}, seed), random_tensor({rows, c.width}, seed + 1),
          random_tensor({rows}, seed + 2, -0.3F, 0.3F), random_tensor({rows, c.output_width}, seed + 3)};
}

std::vector<Doubles> doubles_of(const std::vector<Tensor>& inputs) {
  std::vector<Doubles> all;
  for (const Tensor& input : inputs) all.emplace_back(input.span().begin(), input.span().end());
  return all;
}

TreeResult apply(std::span<const Variable> in, const Case& c, const TreeRouting& routing,
                 bool training = false, TreeStatistics* statistics = nullptr) {
  return neuron_tree(in[0], in[1], in[2], in[3], c.trees, c.depth, routing, training, statistics);
}

// Value and all gradients of the output against a twin with the given decisions.
void check_output(const Case& c, const std::vector<Tensor>& inputs, const TreeRouting& routing,
                  const TreeTwin::Decide& decide, const TreeTwin::Keep& keep = nullptr,
                  bool training = false) {
  INFO("trees " << c.trees << " depth " << c.depth << " tokens " << c.tokens << " width " << c.width);
  const TreeTwin twin = twin_of(c);
  testing::check_op([&](std::span<const Variable> in) { return apply(in, c, routing, training).output; },
                    [&](std::span<const Doubles> in) { return twin_output(twin, in, decide, keep); }, inputs,
                    {.value_tolerance = 2e-6, .gradient_tolerance = 2e-5, .step = 1e-4, .seed = 7});
}

std::vector<std::int32_t> kernel_leaves(const Case& c, const std::vector<Tensor>& in) {
  const kernels::NeuronTree tree{
      {kernels::TreeKind::kNeuron, c.trees, c.depth, c.width, in[1].data(), in[2].data()},
      c.output_width,
      in[3].data()};
  Tensor logits = Tensor::empty({c.tokens, c.trees, c.depth + 1});
  IntTensor leaf = IntTensor::empty({c.tokens, c.trees});
  Tensor y = Tensor::empty({c.tokens, c.output_width});
  kernels::neuron_tree_hard_forward(tree, c.tokens, in[0].data(), logits.data(), leaf.data(), y.data());
  return leaf.to_vector();
}

const std::vector<Case> kCases = {{1, 0, 4, 3, 3}, {5, 0, 3, 4, 2}, {1, 1, 5, 7, 7}, {2, 1, 1, 3, 5},
                                  {1, 2, 6, 5, 4}, {3, 2, 5, 6, 6}, {1, 3, 7, 9, 9}, {4, 3, 3, 5, 5},
                                  {2, 4, 5, 4, 6}, {1, 5, 9, 6, 3}, {1, 3, 70, 4, 4}};

}  // namespace

TEST_CASE("hard: value and every gradient equal the dense masked twin") {
  std::uint64_t seed = 1;
  for (const Case& c : kCases) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const Doubles base = twin_logits(twin_of(c), doubles_of(inputs));
    CHECK(testing::differing_near_ties(twin_of(c), doubles_of(inputs), kernel_leaves(c, inputs)) == 0);
    check_output(c, inputs, {}, hard_decisions(twin_of(c), base));
  }
}

TEST_CASE("soft: value and every gradient equal the mixture over all paths") {
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
      check_output(c, inputs, routing,
                   straight_through_decisions(twin_of(c), base, 0.7F, static_cast<double>(epsilon)));
    }
  }
}

}  // namespace espalier::ops
