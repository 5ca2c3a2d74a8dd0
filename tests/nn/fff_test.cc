#include "espalier/nn/fff.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "tests/support/support.h"

namespace espalier::nn {
namespace {

using testing::random_tensor;

FeedForwardOptions neurons(std::int64_t trees, std::int64_t depth) {
  return {.type = FeedForwardType::kNeuronTree, .trees = trees, .depth = depth};
}

FeedForwardOptions leaves(std::int64_t trees, std::int64_t depth, std::int64_t leaf_width) {
  return {.type = FeedForwardType::kLeafTree, .trees = trees, .depth = depth, .leaf_width = leaf_width};
}

std::vector<std::string> names_and_shapes(const Fff& layer) {
  std::vector<std::string> all;
  for (const NamedParameter& parameter : layer.parameters()) {
    all.push_back(parameter.name + " " + parameter.value.shape().str());
  }
  return all;
}

float largest(const Tensor& tensor) {
  float found = 0;
  for (const float value : tensor.span()) found = std::max(found, std::abs(value));
  return found;
}

}  // namespace

TEST_CASE("parameters: names and shapes of both kinds") {
  CHECK(names_and_shapes(Fff(neurons(2, 3), 5, 7)) == std::vector<std::string>{"linear_in.weight [30,5]",
                                                                               "linear_in.bias [30]",
                                                                               "linear_out.weight_t [30,7]"});
  CHECK(names_and_shapes(Fff(leaves(2, 3, 4), 5, 7)) ==
        std::vector<std::string>{"gate.weight [14,5]", "gate.bias [14]", "leaf_in.weight [16,4,5]",
                                 "leaf_in.bias [16,4]", "leaf_out.weight_t [16,4,7]",
                                 "leaf_out.bias [16,7]"});
  CHECK(names_and_shapes(Fff(leaves(3, 0, 4), 5, 7)) ==
        std::vector<std::string>{"leaf_in.weight [3,4,5]", "leaf_in.bias [3,4]", "leaf_out.weight_t [3,4,7]",
                                 "leaf_out.bias [3,7]"});
}

TEST_CASE("leaves compute with the activation that the options name") {
  const Variable x(random_tensor({20, 6}, 3));
  std::vector<Tensor> outputs;
  for (const auto activation : {ops::LeafActivation::kRelu, ops::LeafActivation::kGelu}) {
    FeedForwardOptions options = leaves(2, 2, 4);
    options.leaf_activation = activation;
    Fff layer(options, 6, 5);
    layer.init_uniform(1);
    ops::LeafTreeWeights weights;
    for (const NamedParameter& parameter : layer.parameters()) {
      if (parameter.name == "gate.weight") weights.gate_weight = parameter.value;
      if (parameter.name == "gate.bias") weights.gate_bias = parameter.value;
      if (parameter.name == "leaf_in.weight") weights.leaf_in = parameter.value;
      if (parameter.name == "leaf_in.bias") weights.leaf_in_bias = parameter.value;
      if (parameter.name == "leaf_out.weight_t") weights.leaf_out = parameter.value;
      if (parameter.name == "leaf_out.bias") weights.leaf_out_bias = parameter.value;
    }
    const Tensor expected =
        ops::leaf_tree(x, weights, {.trees = 2, .depth = 2, .activation = activation}, {}, false)
            .output.value();
    ForwardContext context;
    outputs.push_back(layer.forward(x, context).value());
    CHECK(outputs.back().to_vector() == expected.to_vector());
  }
  CHECK(outputs[0].to_vector() != outputs[1].to_vector());
}

TEST_CASE("impossible trees are refused") {
  CHECK(testing::error_of([] { Fff(neurons(0, 3), 4, 4); }) == "fff: trees must be from 1 to 1048576, got 0");
  for (const std::int64_t depth : {-1, 25, 62}) {
    CHECK(testing::error_of([&] { Fff(neurons(1, depth), 4, 4); }) ==
          fmt::format("architecture: arch.ffn.depth must be from 0 to 24, got {}", depth));
  }
  CHECK(testing::error_of([] { Fff(leaves(1, 2, 0), 4, 4); }) ==
        "fff: leaf_width must be from 1 to 16777216, got 0");
}

TEST_CASE("init_uniform: the bounds of the original, the same for the same seed") {
  Fff layer(neurons(3, 4), 25, 10);
  layer.init_uniform(5);
  const std::vector<NamedParameter> p = layer.parameters();
  CHECK(largest(p[0].value.value()) <= 0.2F);
  CHECK(largest(p[0].value.value()) > 0.19F);
  CHECK(largest(p[1].value.value()) <= 0.2F);
  const float bound = 1 / std::sqrt(15.0F);  // 3 trees of 5 levels feed an output
  CHECK(largest(p[2].value.value()) <= bound);
  CHECK(largest(p[2].value.value()) > 0.95F * bound);
  Fff again(neurons(3, 4), 25, 10);
  again.init_uniform(5);
  CHECK(again.parameters()[2].value.value().to_vector() == p[2].value.value().to_vector());

  Fff leaf(leaves(1, 3, 16), 25, 10);
  leaf.init_uniform(5);
  for (const NamedParameter& parameter : leaf.parameters()) {
    INFO(parameter.name);
    const float expected = parameter.name.starts_with("leaf_out") ? 0.25F : 0.2F;
    CHECK(largest(parameter.value.value()) <= expected);
    CHECK(largest(parameter.value.value()) > 0.6F * expected);
  }
}

TEST_CASE("forward: entropies and statistics are left in the context, layer by layer") {
  for (const FeedForwardOptions& options : {neurons(2, 3), leaves(2, 3, 4)}) {
    Fff first(options, 6, 6);
    Fff second(options, 6, 6);
    first.init_uniform(1);
    second.init_uniform(2);
    const Variable x(random_tensor({4, 5, 6}, 3));
    ops::LayerStatistics statistics;
    for (int pass = 0; pass < 2; ++pass) {
      ForwardContext context;
      context.routing = {.mode = ops::RoutingMode::kSoft, .entropy = true};
      context.statistics = &statistics;
      CHECK(second.forward(first.forward(x, context), context).shape() == Shape{4, 5, 6});
      CHECK(context.entropies.size() == 2);
      CHECK(context.next_tree_layer == 2);
    }
    REQUIRE(statistics.size() == 2);
    CHECK(statistics[0].tokens == 40);
    CHECK(statistics[1].tokens == 40);
    CHECK(statistics[0].entropy != statistics[1].entropy);
  }
}

TEST_CASE("region leak draws anew for each step and each layer, and only in training") {
  Fff layer(neurons(1, 3), 6, 6);
  layer.init_uniform(1);
  const Variable x(random_tensor({20, 6}, 3));
  const auto run = [&](bool training, std::uint64_t seed, std::uint64_t step, std::size_t place) {
    ForwardContext context;
    context.training = training;
    context.seed = seed;
    context.step = step;
    context.next_tree_layer = place;
    context.routing = {.mode = ops::RoutingMode::kSoft, .region_leak = 0.3F};
    return layer.forward(x, context).value().to_vector();
  };
  const std::vector<float> base = run(true, 1, 1, 0);
  CHECK(run(true, 1, 1, 0) == base);
  CHECK(run(true, 2, 1, 0) != base);
  CHECK(run(true, 1, 2, 0) != base);
  CHECK(run(true, 1, 1, 1) != base);
  CHECK(run(false, 1, 1, 0) != base);
  CHECK(run(false, 1, 1, 0) == run(false, 2, 7, 3));
}

}  // namespace espalier::nn
