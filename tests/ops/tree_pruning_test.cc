// Soft routing beyond the plain mixture: pruning, region leak and entropy, for both kinds of trees and both
// forms (dense products, lists of survivors).
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/philox.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/reduce.h"
#include "kernels/tree/leaf_soft_dense.h"
#include "kernels/tree/leaf_soft_sparse.h"
#include "kernels/tree/neuron_soft_dense.h"
#include "kernels/tree/neuron_soft_sparse.h"
#include "kernels/tree/soft_survivors.h"
#include "tests/ops/tree_cases.h"

namespace espalier::ops {
namespace {

using namespace tree_tests;

constexpr float kTau = 0.5F;
// Of the deep ones few nodes survive a threshold of 0.3, so they take the form of lists.
const std::vector<TreeCase> kPruned = {
    {1, 6, 12, 4, 3}, {3, 3, 12, 6, 5}, {1, 6, 12, 4, 3, 2}, {2, 3, 12, 6, 5, 2, LeafActivation::kGelu}};

TreeTwin::Keep keep_of(const TreeTwin& twin, const std::vector<bool>& survivors) {
  return [twin, survivors](std::int64_t token, int tree, std::int64_t node) {
    return survivors[twin.at(token, tree, node)];
  };
}

// The decisions of region leak, from the documented draws.
TreeTwin::Decide leaked_decisions(const TreeCase& c, const TreeRouting& routing) {
  const std::int64_t rows = c.leaf_width > 0 ? twin_of(c).inner() : twin_of(c).nodes();
  return [c, rows, routing](std::int64_t token, int tree, std::int64_t node, double logit) {
    const Philox random(routing.leak_seed, RandomStream::kRegionLeak, routing.leak_step);
    const auto index = static_cast<std::uint64_t>((token * c.trees + tree) * rows + node);
    const double right = testing::twin_sigmoid(logit / static_cast<double>(routing.temperature));
    return random.uniform(index) < routing.region_leak ? 1 - right : right;
  };
}

double rows_per_node(const TreeCase& c) {
  if (c.leaf_width == 0) return 1;
  const double leaves = 1 << c.depth;
  return (leaves - 1 + leaves * static_cast<double>(c.leaf_width)) / (2 * leaves - 1);
}

bool is_dense(const TreeCase& c, const std::vector<Tensor>& inputs, float epsilon) {
  kernels::SoftRouting routing;
  routing.temperature = kTau;
  routing.epsilon = epsilon;
  return kernels::dense_form_is_cheaper(gates_of(c, inputs), routing, c.tokens, inputs[0].data(),
                                        rows_per_node(c));
}

// The gradient of the entropy against difference quotients of the twin's.
void check_entropy(const TreeCase& c, const std::vector<Tensor>& inputs, const TreeRouting& routing,
                   const Doubles& rho) {
  INFO(describe(c) << " trees " << c.trees << " depth " << c.depth << " epsilon " << routing.epsilon);
  const double tau = static_cast<double>(routing.temperature);
  testing::check_op([&](std::span<const Variable> in) { return apply(in, c, routing, true).entropy; },
                    [&](std::span<const Doubles> in) { return twin_entropy(twin_of(c), in, tau, rho); },
                    inputs, {.value_tolerance = 1e-6, .gradient_tolerance = 1e-6, .step = 1e-5, .seed = 3});
}

}  // namespace

TEST_CASE("pruning: value and gradient are those of the pruned function, in both forms") {
  int dense = 0;
  int sparse = 0;
  std::uint64_t seed = 100;
  for (const TreeCase& c : kPruned) {
    for (const float epsilon : {0.02F, 0.3F}) {
      const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
      const TreeTwin twin = twin_of(c);
      const TreeTwin::Decide decide = testing::soft_decisions(static_cast<double>(kTau));
      const std::vector<bool> survivors =
          twin_survivors(twin, twin_logits(twin, doubles_of(inputs)), decide, static_cast<double>(epsilon));
      const TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = kTau, .epsilon = epsilon};
      check_output(c, inputs, routing, decide, keep_of(twin, survivors));
      (is_dense(c, inputs, epsilon) ? dense : sparse) += 1;

      TreeStatistics statistics;
      apply(variables_of(inputs), c, routing, false, &statistics);
      const auto count = std::count(survivors.begin(), survivors.end(), true);
      CHECK(statistics.surviving_nodes == static_cast<double>(count));
      CHECK(count < static_cast<std::int64_t>(survivors.size()));
      const Doubles rho = twin_rho(twin, doubles_of(inputs), decide, keep_of(twin, survivors));
      double kept = 0;
      for (std::size_t i = 0; i < rho.size(); ++i) {
        if (static_cast<std::int64_t>(i) % twin.nodes() >= twin.inner()) kept += rho[i];
      }
      CHECK(statistics.dropped_mass == doctest::Approx(static_cast<double>(c.tokens * c.trees) - kept));
    }
  }
  CHECK(dense >= 2);
  CHECK(sparse >= 2);
}

TEST_CASE("the two forms give the same numbers, unpruned and pruned, with leak and entropy") {
  std::uint64_t seed = 300;
  for (const TreeCase& c : kPruned) {
    if (c.leaf_width > 0) continue;
    const std::vector<Tensor> in = random_inputs(c, seed += 10);
    const kernels::NeuronTree tree{gates_of(c, in), c.output_width, in[3].data()};
    for (const float epsilon : {0.0F, 0.05F, 0.2F}) {
      const kernels::SoftRouting routing{kTau, epsilon, true, false, 0.2F, 5, 6};
      kernels::NeuronSoftDenseTape all;
      PoolVector<kernels::SurvivorBlock> survivors;
      Tensor y[2] = {Tensor::empty({c.tokens, c.output_width}), Tensor::empty({c.tokens, c.output_width})};
      const kernels::SoftSums dense =
          neuron_tree_soft_dense_forward(tree, routing, c.tokens, in[0].data(), y[0].data(), all);
      const kernels::SoftSums sparse =
          neuron_tree_soft_sparse_forward(tree, routing, c.tokens, in[0].data(), y[1].data(), survivors);
      CHECK(testing::max_relative_error(y[0].span(), std::span<const float>(y[1].span())) < 2e-6);
      CHECK(dense.surviving_nodes == sparse.surviving_nodes);
      CHECK(dense.entropy == doctest::Approx(sparse.entropy));
      CHECK(dense.dropped_mass == doctest::Approx(sparse.dropped_mass));

      const Tensor dy = random_tensor({c.tokens, c.output_width}, 9);
      std::vector<Tensor> gradients[2];
      for (std::vector<Tensor>& form : gradients) {
        for (const Tensor& input : in) form.push_back(Tensor::empty(input.shape()));
      }
      const auto destinations = [](std::vector<Tensor>& g) {
        return kernels::NeuronTreeGradients{
            {g[0].data(), false}, {g[1].data(), false}, {g[2].data(), false}, {g[3].data(), false}};
      };
      neuron_tree_soft_dense_backward(tree, routing, c.tokens, in[0].data(), dy.data(), 0.3F, all,
                                      destinations(gradients[0]));
      neuron_tree_soft_sparse_backward(tree, routing, c.tokens, in[0].data(), dy.data(), 0.3F, survivors,
                                       destinations(gradients[1]));
      for (std::size_t i = 0; i < in.size(); ++i) {
        INFO("input " << i);
        CHECK(testing::max_relative_error(gradients[0][i].span(),
                                          std::span<const float>(gradients[1][i].span())) < 1e-5);
      }
    }
  }
}

TEST_CASE("trees with leaves: both forms give the same numbers when leaves are worked on in several groups") {
  // About 30 thousand uses of leaves, of which a group takes some 16 thousand.
  const TreeCase c{2, 4, 1500, 7, 5, 3, LeafActivation::kGelu};
  const std::vector<Tensor> in = random_inputs(c, 900);
  kernels::LeafTree tree{gates_of(c, in), c.leaf_width, c.output_width, kernels::LeafActivation::kGelu,
                         in[3].data(),    in[4].data(), in[5].data(),   in[6].data()};
  const kernels::SoftRouting routing{kTau, 0.02F, true, false, 0.1F, 5, 6};
  kernels::LeafSoftDenseTape all;
  kernels::LeafSoftSparseTape survivors;
  Tensor y[2] = {Tensor::empty({c.tokens, c.output_width}), Tensor::empty({c.tokens, c.output_width})};
  leaf_tree_soft_dense_forward(tree, routing, c.tokens, in[0].data(), y[0].data(), all);
  leaf_tree_soft_sparse_forward(tree, routing, c.tokens, in[0].data(), y[1].data(), survivors);
  REQUIRE(survivors.groups.size() > 1);
  CHECK(testing::max_relative_error(y[0].span(), std::span<const float>(y[1].span())) < 2e-6);

  const Tensor dy = random_tensor({c.tokens, c.output_width}, 9);
  for (const bool accumulate : {false, true}) {
    std::vector<Tensor> gradients[2];
    for (std::vector<Tensor>& form : gradients) {
      for (const Tensor& input : in) form.push_back(Tensor::full(input.shape(), 0.5F));
    }
    const auto destinations = [&](std::vector<Tensor>& g) {
      const auto to = [&](std::size_t i) { return Destination{g[i].data(), accumulate}; };
      return kernels::LeafTreeGradients{to(0), to(1), to(2), to(3), to(4), to(5), to(6)};
    };
    leaf_tree_soft_dense_backward(tree, routing, c.tokens, in[0].data(), dy.data(), 0.3F, all,
                                  destinations(gradients[0]));
    leaf_tree_soft_sparse_backward(tree, routing, c.tokens, in[0].data(), dy.data(), 0.3F, survivors,
                                   destinations(gradients[1]));
    for (std::size_t i = 0; i < in.size(); ++i) {
      INFO("input " << i << (accumulate ? ", accumulated" : ""));
      CHECK(testing::max_relative_error(gradients[0][i].span(),
                                        std::span<const float>(gradients[1][i].span())) < 1e-5);
    }
  }
}

TEST_CASE("the hard path always survives: with a threshold near 1 little else does") {
  std::uint64_t seed = 500;
  for (const TreeCase& c : kPruned) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    TreeStatistics hard;
    apply(variables_of(inputs), c, {}, false, &hard);
    const TreeRouting pruned{.mode = RoutingMode::kSoft, .temperature = kTau, .epsilon = 0.9999F};
    TreeStatistics soft;
    apply(variables_of(inputs), c, pruned, false, &soft);
    CHECK(soft.leaf_tokens == hard.leaf_tokens);
    CHECK(soft.surviving_nodes == static_cast<double>(c.tokens * c.trees * (c.depth + 1)));
    CHECK(soft.surviving_nodes == hard.surviving_nodes);
  }
}

TEST_CASE("as the temperature falls, soft routing becomes hard routing") {
  std::uint64_t seed = 600;
  for (const TreeCase& c : kPruned) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const Tensor hard = apply(variables_of(inputs), c, {}).output.value();
    for (const float epsilon : {0.0F, 0.01F}) {
      const TreeRouting cold{.mode = RoutingMode::kSoft, .temperature = 1e-5F, .epsilon = epsilon};
      const Tensor soft = apply(variables_of(inputs), c, cold).output.value();
      CHECK(testing::max_relative_error(soft.span(), std::span<const float>(hard.span())) < 2e-6);
    }
  }
}

TEST_CASE("a threshold below every path probability changes nothing") {
  std::uint64_t seed = 700;
  for (const TreeCase& c : kPruned) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const TreeRouting soft{.mode = RoutingMode::kSoft, .temperature = 2.0F};
    TreeRouting pruned = soft;
    pruned.epsilon = 1e-20F;
    CHECK(gradients_of(c, inputs, soft) == gradients_of(c, inputs, pruned));
  }
}

TEST_CASE("region leak: the documented draws turn c into 1 - c, in training only") {
  std::uint64_t seed = 800;
  for (const TreeCase& c : kPruned) {
    for (const float epsilon : {0.0F, 0.3F}) {
      const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
      const TreeRouting routing{.mode = RoutingMode::kSoft,
                                .temperature = kTau,
                                .epsilon = epsilon,
                                .region_leak = 0.3F,
                                .leak_seed = 11,
                                .leak_step = 12};
      const TreeTwin twin = twin_of(c);
      const TreeTwin::Decide decide = leaked_decisions(c, routing);
      const std::vector<bool> survivors =
          twin_survivors(twin, twin_logits(twin, doubles_of(inputs)), decide, static_cast<double>(epsilon));
      check_output(c, inputs, routing, decide, keep_of(twin, survivors), true);
      TreeRouting without = routing;
      without.region_leak = 0;
      const std::vector<Variable> in = variables_of(inputs);
      const std::vector<float> plain = apply(in, c, without, true).output.value().to_vector();
      CHECK(apply(in, c, routing, false).output.value().to_vector() == plain);
      CHECK(apply(in, c, routing, true).output.value().to_vector() != plain);
    }
  }
}

TEST_CASE("entropy: both forms equal the twin, with gradients that stop at rho") {
  std::uint64_t seed = 900;
  for (const TreeCase& c : kPruned) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const TreeTwin twin = twin_of(c);
    const TreeTwin::Decide decide = testing::soft_decisions(static_cast<double>(kTau));
    TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = kTau, .entropy = true};
    check_entropy(c, inputs, routing, twin_rho(twin, doubles_of(inputs), decide));
    routing.epsilon = 0.3F;
    const std::vector<bool> survivors =
        twin_survivors(twin, twin_logits(twin, doubles_of(inputs)), decide, static_cast<double>(0.3F));
    check_entropy(c, inputs, routing, twin_rho(twin, doubles_of(inputs), decide, keep_of(twin, survivors)));
    routing.epsilon = 0;
    routing.entropy_form = EntropyForm::kAllNodes;
    check_entropy(c, inputs, routing, {});
  }
}

TEST_CASE("entropy: decided nodes are clamped and get no gradient; only soft routing gives one") {
  const TreeCase c{1, 2, 3, 2, 2};
  std::vector<Tensor> inputs = random_inputs(c, 5);
  inputs[1].fill(0.0F);
  inputs[2].fill(10.0F);  // logit / tau = 20, beyond the bound of 13.8
  const std::vector<Variable> in = variables_of(inputs);
  const TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = kTau, .entropy = true};
  const Variable entropy = apply(in, c, routing).entropy;
  CHECK(entropy.item() == doctest::Approx(1e-6 * std::log(1e6) + 1e-6).epsilon(1e-3));
  backward(entropy);
  CHECK(in[2].grad().to_vector() == std::vector<float>(7, 0.0F));
  for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kStraightThrough}) {
    CHECK_FALSE(apply(in, c, {.mode = mode, .entropy = true}).entropy.defined());
  }
}

TEST_CASE("gradients of output and entropy add up") {
  for (const TreeCase& c : kPruned) {
    for (const float epsilon : {0.0F, 0.3F}) {
      const std::vector<Tensor> inputs = random_inputs(c, 40);
      const TreeRouting routing{
          .mode = RoutingMode::kSoft, .temperature = kTau, .epsilon = epsilon, .entropy = true};
      std::vector<std::vector<Variable>> passes;
      for (const bool together : {true, false}) {
        passes.push_back(variables_of(inputs));
        const TreeResult result = apply(passes.back(), c, routing);
        if (together) {
          backward(add(sum(result.output), result.entropy));
        } else {
          backward(result.output, Tensor::full(result.output.shape(), 1.0F));
          backward(apply(passes.back(), c, routing).entropy);
        }
      }
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        CHECK(testing::max_relative_error(passes[0][i].grad().span(),
                                          std::span<const float>(passes[1][i].grad().span())) < 1e-5);
      }
    }
  }
}

}  // namespace espalier::ops
