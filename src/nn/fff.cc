#include "espalier/nn/fff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"

namespace espalier::nn {
namespace {

// What a file may claim: more could not be indexed.
constexpr std::int64_t kMostRows = std::int64_t{1} << 40U;
// The layer's place among the model's tree layers goes into the high bits of the draws' step.
constexpr int kLayerShift = 48;

int checked(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most) {
    throw InputError(fmt::format("fff: {} must be from {} to {}, got {}", name, least, most, value));
  }
  return static_cast<int>(value);
}

ops::TreeSize countable(const FeedForwardOptions& options) {
  if (options.depth < 0 || options.depth > ops::kMaxTreeDepth) {
    throw InputError(fmt::format("architecture: arch.ffn.depth must be from 0 to {}, got {}",
                                 ops::kMaxTreeDepth, options.depth));
  }
  const ops::TreeSize size = tree_size(options);
  const std::int64_t rows =
      options.type == FeedForwardType::kNeuronTree ? size.nodes_per_tree() : size.leaves_per_tree();
  if (size.trees > kMostRows / rows) {
    throw InputError(
        fmt::format("architecture: {} trees of {} rows each are more than can be stored", size.trees, rows));
  }
  return size;
}

}  // namespace

void Fff::describe(const ParameterList& list, const FeedForwardOptions& options, std::int64_t width,
                   std::int64_t output_width) {
  const ops::TreeSize size = countable(options);
  if (options.type == FeedForwardType::kNeuronTree) {
    const bool pays = ops::QuantizedNeuronTree::pays(
        static_cast<int>(std::min<std::int64_t>(size.trees, 1 << 20)), static_cast<int>(size.depth));
    const Int8Form int8 = pays ? Int8Form::kBytesIfHard : Int8Form::kFloat32;
    list.add("linear_in.weight", {size.nodes(), width}, ParameterRole::kDecisionMatrix, int8);
    list.add("linear_in.bias", {size.nodes()}, ParameterRole::kDecisionBias);
    list.add("linear_out.weight_t", {size.nodes(), output_width}, ParameterRole::kMatrix, int8);
    return;
  }
  if (size.depth > 0) {
    list.add("gate.weight", {size.inner(), width}, ParameterRole::kDecisionMatrix);
    list.add("gate.bias", {size.inner()}, ParameterRole::kDecisionBias);
  }
  const std::int64_t units = options.leaf_width;
  list.add("leaf_in.weight", {size.leaves(), units, width}, ParameterRole::kMatrix);
  list.add("leaf_in.bias", {size.leaves(), units}, ParameterRole::kBias);
  list.add("leaf_out.weight_t", {size.leaves(), units, output_width}, ParameterRole::kMatrix);
  list.add("leaf_out.bias", {size.leaves(), output_width}, ParameterRole::kBias);
}

Fff::Fff(const FeedForwardOptions& options, std::int64_t width, std::int64_t output_width)
    : type_(options.type),
      trees_(checked("trees", options.trees, 1, 1 << 20)),
      depth_(static_cast<int>(options.depth)),
      leaf_activation_(options.leaf_activation) {
  ESPALIER_CHECK(has_trees(options));
  if (type_ == FeedForwardType::kLeafTree) checked("leaf_width", options.leaf_width, 1, 1 << 24);
  register_parameters([&](const ParameterList& own) { describe(own, options, width, output_width); });
  weight_in_ = parameter("linear_in.weight");
  bias_in_ = parameter("linear_in.bias");
  weight_out_ = parameter("linear_out.weight_t");
  leaves_ = {parameter("gate.weight"),  parameter("gate.bias"),         parameter("leaf_in.weight"),
             parameter("leaf_in.bias"), parameter("leaf_out.weight_t"), parameter("leaf_out.bias")};
}

Variable Fff::forward(const Variable& x, ForwardContext& context) {
  const std::size_t layer = context.next_tree_layer++;
  ops::TreeRouting routing = context.routing;
  routing.precision = precision();
  routing.leak_seed = context.seed;
  routing.leak_step = context.step | (static_cast<std::uint64_t>(layer) << kLayerShift);
  ops::TreeStatistics* statistics = nullptr;
  if (context.statistics != nullptr) {
    if (context.statistics->size() <= layer) context.statistics->resize(layer + 1);
    statistics = &(*context.statistics)[layer];
  }
  const ops::TreeResult result = evaluate(x, routing, context.training, statistics);
  if (context.leaves != nullptr) context.leaves->push_back(result.leaf);
  if (result.entropy.defined()) context.entropies.push_back(result.entropy);
  return result.output;
}

ops::TreeResult Fff::evaluate(const Variable& x, const ops::TreeRouting& routing, bool training,
                              ops::TreeStatistics* statistics) const {
  if (type_ == FeedForwardType::kLeafTree) {
    return ops::leaf_tree(x, leaves_, {trees_, depth_, leaf_activation_}, routing, training, statistics);
  }
  if (precision() == ops::Precision::kInt8 && ops::QuantizedNeuronTree::pays(trees_, depth_) &&
      routing.mode != ops::RoutingMode::kSoft) {
    return ops::quantized_neuron_tree(x, quantized_, routing, statistics);
  }
  return ops::neuron_tree(x, weight_in_, bias_in_, weight_out_, trees_, depth_, routing, training,
                          statistics);
}

void Fff::prepare_weights() {
  if (precision() != ops::Precision::kInt8 || type_ != FeedForwardType::kNeuronTree) return;
  if (!ops::QuantizedNeuronTree::pays(trees_, depth_)) return;
  const ByteMatrix in = given_bytes("linear_in.weight"), out = given_bytes("linear_out.weight_t");
  if (in.defined() && out.defined()) {
    quantized_ = ops::QuantizedNeuronTree(in, bias_in_.value(), out, trees_, depth_);
    return;
  }
  quantized_ =
      ops::QuantizedNeuronTree(weight_in_.value(), bias_in_.value(), weight_out_.value(), trees_, depth_);
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
