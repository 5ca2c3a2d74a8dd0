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

void fill_uniform(Variable& parameter, std::int64_t fan_in, std::uint64_t seed, const char* name) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  nn::init_uniform(parameter.mutable_value(), static_cast<float>(bound), seed, name);
}

}  // namespace

Fff::Fff(const FeedForwardOptions& options, std::int64_t width, std::int64_t output_width)
    : trees_(checked("trees", options.trees, 1, 1 << 20)),
      depth_(checked("depth", options.depth, 0, kMaxDepth)) {
  const std::int64_t rows = trees_ * ((std::int64_t{2} << depth_) - 1);
  weight_in_ = register_parameter("linear_in.weight", Tensor::zeros({rows, width}));
  bias_in_ = register_parameter("linear_in.bias", Tensor::zeros({rows}));
  weight_out_ = register_parameter("linear_out.weight_t", Tensor::zeros({rows, output_width}));
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
  const ops::TreeResult result = ops::neuron_tree(x, weight_in_, bias_in_, weight_out_, trees_, depth_,
                                                  routing, context.training, statistics);
  if (result.entropy.defined()) context.entropies.push_back(result.entropy);
  return result.output;
}

void Fff::init_uniform(std::uint64_t seed) {
  const std::int64_t width = weight_in_.shape()[1];
  fill_uniform(weight_in_, width, seed, "linear_in.weight");
  fill_uniform(bias_in_, width, seed, "linear_in.bias");
  fill_uniform(weight_out_, trees_ * (depth_ + 1), seed, "linear_out.weight_t");
}

}  // namespace espalier::nn
