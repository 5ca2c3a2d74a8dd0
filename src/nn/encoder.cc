#include "espalier/nn/encoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/ops/gather.h"
#include "espalier/ops/shape.h"

namespace espalier::nn {

static constexpr std::size_t kNoLayer = static_cast<std::size_t>(-1);

static const EncoderOptions& validated(const EncoderOptions& options) {
  validate(options);
  return options;
}

void Encoder::describe(const ParameterList& list, const EncoderOptions& options) {
  BertEmbedding::describe(list.child("embedding", ModelPart::kEmbedding), options.embedding,
                          options.hidden_size);
  for (std::int64_t i = 0; i < options.layers; ++i) {
    EncoderLayer::describe(list.child(fmt::format("layers.{}", i)), layer_options(options, i));
  }
  if (options.final_norm) LayerNorm::describe(list.child("final_norm"), options.hidden_size);
}

Encoder::Encoder(const EncoderOptions& options)
    : options_(validated(options)), embedding_(options.embedding, options.hidden_size, options.norm_eps) {
  register_module("embedding", embedding_);
  for (std::int64_t i = 0; i < options.layers; ++i) {
    layers_.push_back(std::make_unique<EncoderLayer>(layer_options(options, i)));
    register_module(fmt::format("layers.{}", i), *layers_.back());
  }
  if (options.final_norm) {
    final_norm_ = std::make_unique<LayerNorm>(options.hidden_size, options.norm_eps);
    register_module("final_norm", *final_norm_);
  }
}

// forward(), and where AnomalyGuard ends it, which knows the operation alone, the part that it stands in:
// "encoder.NAME" or, with a layer, "encoder.NAME.LAYER".
template <class Forward>
static Variable inside(const char* name, std::size_t layer, const Forward& forward) {
  try {
    return forward();
  } catch (const RunError& error) {
    throw RunError(layer == kNoLayer ? fmt::format("encoder.{}: {}", name, error.what())
                                     : fmt::format("encoder.{}.{}: {}", name, layer, error.what()));
  }
}

Variable Encoder::first_layers(const Tokens& tokens, std::size_t but, ForwardContext& context) {
  context.entropies.clear();
  context.next_tree_layer = 0;
  if (context.leaves != nullptr) context.leaves->clear();
  if (context.traces != nullptr) context.traces->clear();
  context.next_dropout_site = 0;
  Variable x = inside("embedding", kNoLayer, [&] { return embedding_.forward(tokens, context); });
  for (std::size_t i = 0; i + but < layers_.size(); ++i) {
    x = inside("layers", i, [&] { return layers_[i]->forward(x, tokens, context); });
  }
  return x;
}

Variable Encoder::normalized(const Variable& x) {
  return final_norm_ ? inside("final_norm", kNoLayer, [&] { return final_norm_->forward(x); }) : x;
}

Variable Encoder::forward(const Tokens& tokens, ForwardContext& context) {
  return normalized(first_layers(tokens, 0, context));
}

Variable Encoder::forward_at(const Tokens& tokens, const IntTensor& positions, ForwardContext& context) {
  const auto asked = positions.span();
  if (!narrows_last_layer(options_, context, tokens.ids.size(), positions.size()) ||
      !std::is_sorted(asked.begin(), asked.end())) {
    const Variable hidden = forward(tokens, context);
    return ops::gather_rows(ops::reshape(hidden, {hidden.shape().rows(), hidden.shape().columns()}),
                            positions);
  }
  const Variable x = first_layers(tokens, 1, context);
  return normalized(inside("layers", layers_.size() - 1,
                           [&] { return layers_.back()->forward_at(x, tokens, positions, context); }));
}

bool narrows_last_layer(const EncoderOptions& options, const ForwardContext& context, std::int64_t tokens,
                        std::int64_t positions) {
  const bool tree = options.layers > 0 && has_trees(layer_options(options, options.layers - 1).ffn);
  const bool watched = tree && (context.routing.mode == ops::RoutingMode::kSoft ||
                                context.statistics != nullptr || context.leaves != nullptr);
  return options.layers > 0 && !context.dropout && !watched && context.traces == nullptr &&
         2 * positions <= tokens;
}

void initialize(Module& model, double std, std::uint64_t seed) {
  for (NamedParameter& parameter : model.parameters()) {
    if (!starts_random(parameter.role)) continue;
    init_normal(parameter.value.mutable_value(), static_cast<float>(std), seed, parameter.name);
  }
}

}  // namespace espalier::nn
