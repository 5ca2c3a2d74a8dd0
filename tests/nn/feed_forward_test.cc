#include "espalier/nn/feed_forward.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "espalier/nn/masked_lm.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/linear.h"
#include "espalier/ops/reduce.h"
#include "tests/support/support.h"

namespace espalier::nn {
namespace {

using testing::error_of;

EncoderOptions with_path(FeedForwardType type) {
  EncoderOptions options = bert_options();
  options.layers = 3;
  options.hidden_size = 8;
  options.attention.heads = 2;
  options.embedding.vocab_size = 20;
  options.embedding.max_positions = 8;
  options.ffn = {.type = type, .width = 6, .trees = 2, .depth = 2, .leaf_width = 3, .linear_rank = 3};
  return options;
}

std::map<std::string, Variable> by_name(const Module& module) {
  std::map<std::string, Variable> named;
  for (const NamedParameter& parameter : module.parameters()) named[parameter.name] = parameter.value;
  return named;
}

void fill(Module& module) {
  for (NamedParameter& parameter : module.parameters())
    init_normal(parameter.value.mutable_value(), 0.4F, 3, parameter.name);
}

Variable input() {
  Tensor x = Tensor::empty({5, 8});
  init_normal(x, 1.0F, 4, "x");
  return Variable(x, true);
}

// Central differences of a few elements of each parameter against the gradient of `loss`.
template <class Loss>
void check_gradients(Module& module, const Loss& loss) {
  module.clear_gradients();
  backward(loss());
  for (NamedParameter& parameter : module.parameters()) {
    const std::string name = parameter.name;
    CAPTURE(name);
    REQUIRE(parameter.value.grad().defined());
    const std::int64_t size = parameter.value.value().size();
    for (std::int64_t i = 0; i < size; i += 1 + size / 7) {
      constexpr float kStep = 2e-3F;
      float& element = parameter.value.mutable_value().data()[i];
      const float before = element;
      element = before + kStep;
      const double above = static_cast<double>(loss().item());
      element = before - kStep;
      const double below = static_cast<double>(loss().item());
      element = before;
      const double slope = (above - below) / (2 * static_cast<double>(kStep));
      const double found = static_cast<double>(parameter.value.grad().data()[i]);
      CHECK(found == doctest::Approx(slope).epsilon(0.02).scale(0.2));
    }
  }
}

}  // namespace

TEST_CASE("a linear path runs beside a layer of any type, or alone") {
  for (const auto type : {FeedForwardType::kNeuronTree, FeedForwardType::kLeafTree, FeedForwardType::kDense,
                          FeedForwardType::kGated}) {
    const EncoderOptions options = with_path(type);
    INFO(describe(options.ffn));
    const auto layer = make_feed_forward(options);
    fill(*layer);
    auto weights = by_name(*layer);
    EncoderOptions without = options;
    without.ffn.linear_rank = 0;
    const auto units = make_feed_forward(without);
    for (NamedParameter& parameter : units->parameters())
      parameter.value.mutable_value() = weights.at(parameter.name).value();
    ForwardContext context;
    const Variable x = input();
    const Variable down = ops::linear(x, weights.at("linear_path.down.weight"));
    const Variable path =
        ops::linear(down, weights.at("linear_path.up.weight"), weights.at("linear_path.up.bias"));
    const Variable expected = ops::add(units->forward(x, context), path);
    CHECK(layer->forward(x, context).value().to_vector() == expected.value().to_vector());
    const auto product = [&] { return ops::sum(ops::multiply(layer->forward(x, context), path.detach())); };
    check_gradients(*layer, product);
    CHECK(neurons_of(options.ffn).used == neurons_of(without.ffn).used + 3);
  }
  EncoderOptions alone = with_path(FeedForwardType::kDense);
  alone.ffn.width = 0;
  const auto path = make_feed_forward(alone);
  CHECK(by_name(*path).size() == 3);
  CHECK(describe(alone.ffn) == "linear 3");
  fill(*path);
  ForwardContext context;
  check_gradients(*path, [&] { return ops::mean(path->forward(input(), context)); });
}

TEST_CASE("trees in some layers, dense ones in the others: parameters, statistics, traces, gradients") {
  EncoderOptions options = with_path(FeedForwardType::kNeuronTree);
  options.ffn.layers = {0, 2};
  options.ffn.other_width = 5;
  CHECK(describe(options.ffn) == "2x2 + linear 3 in layers 0, 2, others dense 5");
  MaskedLm model(options);
  fill(model);
  const auto weights = by_name(model);
  CHECK(weights.at("encoder.layers.1.ffn.dense_in.weight").shape() == Shape({5, 8}));
  CHECK(weights.count("encoder.layers.1.ffn.linear_path.down.weight") == 0);
  CHECK(weights.at("encoder.layers.2.ffn.linear_path.down.weight").shape() == Shape({3, 8}));
  CHECK(weights.at("encoder.layers.2.ffn.linear_in.weight").shape() == Shape({14, 8}));
  const Tokens tokens{IntTensor::from({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})};
  ops::LayerStatistics statistics;
  std::vector<FeedForwardTrace> traces;
  ForwardContext context;
  context.routing.mode = ops::RoutingMode::kSoft;
  context.routing.entropy = true;
  context.statistics = &statistics;
  context.traces = &traces;
  const Variable hidden = model.encoder().forward(tokens, context);
  CHECK(statistics.size() == 2);
  CHECK(context.entropies.size() == 2);
  REQUIRE(traces.size() == 3);
  CHECK(traces[1].input.shape() == hidden.shape());
  ForwardContext again;
  CHECK(model.encoder().feed_forward(1)->forward(traces[1].input, again).value().to_vector() ==
        traces[1].output.value().to_vector());
  const auto loss = [&] {
    ForwardContext soft;
    soft.routing.mode = ops::RoutingMode::kSoft;
    return model.loss(tokens, {1, 6}, {3, 4}, 2.0, soft).loss;
  };
  check_gradients(model, loss);
}

TEST_CASE("mixtures that are none are refused") {
  EncoderOptions options = with_path(FeedForwardType::kNeuronTree);
  options.ffn.layers = {0, 3};
  CHECK(error_of([&] { validate(options); }) ==
        "architecture: arch.ffn.layers must name layers from 0 to 2 in ascending order, got [0, 3]");
  options.ffn.layers = {1, 1};
  CHECK(error_of([&] { validate(options); }) ==
        "architecture: arch.ffn.layers must name layers from 0 to 2 in ascending order, got [1, 1]");
  options.ffn.layers.clear();
  options.ffn.other_width = 4;
  CHECK(
      error_of([&] { validate(options); }) ==
      "architecture: arch.ffn.other_width (4) is for layers that arch.ffn.layers leaves out; it names none");
}

}  // namespace espalier::nn
