#include <cmath>

#include "espalier/bench/step.h"
#include "espalier/nn/encoder.h"

namespace espalier::bench {
namespace {

// Row products (of d multiply-adds) that a token needs in a feedforward layer, forward; and those that
// straight-through routing adds in the backward pass.
struct LayerRows {
  double forward = 0;
  double siblings = 0;
};

LayerRows unit_rows(const nn::FeedForwardOptions& ffn, ops::RoutingMode mode) {
  const double width = static_cast<double>(ffn.width);
  const double trees = static_cast<double>(ffn.trees);
  const double depth = static_cast<double>(ffn.depth);
  const ops::TreeSize size = nn::tree_size(ffn);
  const double leaf_rows = 2 * static_cast<double>(ffn.leaf_width);
  const bool soft = mode == ops::RoutingMode::kSoft;
  const bool through = mode == ops::RoutingMode::kStraightThrough;
  switch (ffn.type) {
    case nn::FeedForwardType::kDense:
      return {2 * width, 0};
    case nn::FeedForwardType::kGated:
      return {1.5 * width, 0};
    case nn::FeedForwardType::kNeuronTree:
      return {2 * static_cast<double>(soft ? size.nodes() : size.path_nodes()),
              through ? trees * depth * (depth + 1) : 0};
    case nn::FeedForwardType::kLeafTree:
      return {static_cast<double>(soft ? size.inner() : size.path_inner()) +
                  leaf_rows * (soft ? static_cast<double>(size.leaves()) : trees),
              through ? trees * (depth * (depth - 1) / 2 + depth * leaf_rows) : 0};
  }
  return {};
}

LayerRows feed_forward_rows(const nn::FeedForwardOptions& ffn, ops::RoutingMode mode) {
  const LayerRows units = unit_rows(ffn, mode);
  return {units.forward + 2 * static_cast<double>(ffn.linear_rank), units.siblings};
}

}  // namespace

double training_flops_per_token(const nn::EncoderOptions& arch, ops::RoutingMode mode, std::int64_t length,
                                double mask_rate, bool dropout) {
  const double d = static_cast<double>(arch.hidden_size);
  const double keys_and_values = 2 * d;
  // Of a query: its projection and the output's, scores and their weighted sum; the feedforward layer
  // follows.
  const double query = 2 * d + 2 * static_cast<double>(length);
  const double head = mask_rate * static_cast<double>(arch.embedding.vocab_size);
  const double layers = static_cast<double>(arch.layers);
  nn::ForwardContext context;
  context.routing.mode = mode;
  context.dropout = dropout;
  const auto predicted = static_cast<std::int64_t>(std::lround(mask_rate * static_cast<double>(length)));
  const bool narrowed = nn::narrows_last_layer(arch, context, length, predicted);
  double rows = 3 * (layers * keys_and_values + head);
  for (std::int64_t i = 0; i < arch.layers; ++i) {
    const double queries = narrowed && i + 1 == arch.layers ? mask_rate : 1.0;  // a token
    const LayerRows ffn = feed_forward_rows(nn::layer_options(arch, i).ffn, mode);
    rows += queries * (3 * (query + ffn.forward) + ffn.siblings);
  }
  return 2 * d * rows;
}

}  // namespace espalier::bench
