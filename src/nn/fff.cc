#include "espalier/nn/fff.h"

#include <fmt/format.h>

#include <cmath>

#include "espalier/base/error.h"

namespace espalier::nn {
namespace {

// Weights of 2^24 leaves are far beyond any memory.
constexpr std::int64_t kMaxDepth = 24;
// The layer's place among the model's tree layers goes into the high bits of the draws' step.
constexpr int kLayerShift = 48;

int checked(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most) {
    throw InputError(fmt::format("fff: {} must be from {} to {}, got {}", name, least, most, value));
  }
  return static_cast<int>(value);
}

}  // namespace

Fff::Fff(const FeedForwardOptions& options, std::int64_t width, std::int64_t output_width)
    : type_(options.type),
      trees_(checked("trees", options.trees, 1, 1 << 20)),
      depth_(checked("depth", options.depth, 0, kMaxDepth)),
      leaf_activation_(options.leaf_activation == Activation::kRelu ? ops::LeafActivation::kRelu
                                                                    : ops::LeafActivation::kGelu) {
  ESPALIER_CHECK(type_ == FeedForwardType::kNeuronTree || type_ == FeedForwardType::kLeafTree);
  if (type_ == FeedForwardType::kNeuronTree) {
    register_neurons(width, output_width);
  } else {
    register_leaves(checked("leaf_width", options.leaf_width, 1, 1 << 24), width, output_width);
  }
}

void Fff::register_neurons(std::int64_t width, std::int64_t output_width) {
  const std::int64_t rows = ops::TreeSize{trees_, depth_}.nodes();
  weight_in_ =
      register_parameter("linear_in.weight", ParameterRole::kDecisionMatrix, Tensor::zeros({rows, width}));
  bias_in_ = register_parameter("linear_in.bias", ParameterRole::kDecisionBias, Tensor::zeros({rows}));
  weight_out_ =
      register_parameter("linear_out.weight_t", ParameterRole::kMatrix, Tensor::zeros({rows, output_width}));
}

void Fff::register_leaves(std::int64_t leaf_width, std::int64_t width, std::int64_t output_width) {
  const ops::TreeSize size{trees_, depth_};
  const std::int64_t leaves = size.leaves();
  if (depth_ > 0) {
    const std::int64_t gates = size.inner();
    leaves_.gate_weight =
        register_parameter("gate.weight", ParameterRole::kDecisionMatrix, Tensor::zeros({gates, width}));
    leaves_.gate_bias = register_parameter("gate.bias", ParameterRole::kDecisionBias, Tensor::zeros({gates}));
  }
  leaves_.leaf_in = register_parameter("leaf_in.weight", ParameterRole::kMatrix,
                                       Tensor::zeros({leaves, leaf_width, width}));
  leaves_.leaf_in_bias =
      register_parameter("leaf_in.bias", ParameterRole::kBias, Tensor::zeros({leaves, leaf_width}));
  leaves_.leaf_out = register_parameter("leaf_out.weight_t", ParameterRole::kMatrix,
                                        Tensor::zeros({leaves, leaf_width, output_width}));
  leaves_.leaf_out_bias =
      register_parameter("leaf_out.bias", ParameterRole::kBias, Tensor::zeros({leaves, output_width}));
}

Variable Fff::forward(const Variable& x, ForwardContext& context) {
  const std::size_t layer = context.next_tree_layer++;
  ops::TreeRouting routing = context.routing;
  routing.leak_seed = context.seed;
  routing.leak_step = context.step | (static_cast<std::uint64_t>(layer) << kLayerShift);
  ops::TreeStatistics* statistics = nullptr;
  if (context.statistics != nullptr) {
    if (context.statistics->size() <= layer) context.statistics->resize(layer + 1);
    statistics = &(*context.statistics)[layer];
  }
  const ops::TreeResult result = type_ == FeedForwardType::kNeuronTree
                                     ? ops::neuron_tree(x, weight_in_, bias_in_, weight_out_, trees_, depth_,
                                                        routing, context.training, statistics)
                                     : ops::leaf_tree(x, leaves_, {trees_, depth_, leaf_activation_}, routing,
                                                      context.training, statistics);
  if (result.entropy.defined()) context.entropies.push_back(result.entropy);
  return result.output;
}

void Fff::init_uniform(std::uint64_t seed) {
  for (NamedParameter& parameter : parameters()) {
    const std::string& name = parameter.name;
    const bool writes_output = name.starts_with("linear_out") || name.starts_with("leaf_out");
    std::int64_t feeding =
        type_ == FeedForwardType::kNeuronTree ? weight_in_.shape()[1] : leaves_.leaf_in.shape()[2];
    if (writes_output) {
      feeding = type_ == FeedForwardType::kNeuronTree ? ops::TreeSize{trees_, depth_}.path_nodes()
                                                      : leaves_.leaf_in.shape()[1];
    }
    const double bound = 1.0 / std::sqrt(static_cast<double>(feeding));
    nn::init_uniform(parameter.value.mutable_value(), static_cast<float>(bound), seed, name);
  }
}

}  // namespace espalier::nn
