#include "espalier/nn/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"

namespace espalier::nn {

EncoderOptions bert_options() {
  EncoderOptions bert;
  bert.family = Family::kBert;
  bert.layers = 12;
  bert.use_bias = true;
  bert.norm_placement = NormPlacement::kPost;
  bert.final_norm = false;
  bert.head_transform = true;
  bert.decoder_bias = true;
  bert.embedding.vocab_size = 30522;
  bert.embedding.max_positions = 512;
  bert.embedding.positions = Positions::kLearned;
  bert.embedding.token_types = 2;
  bert.attention.qkv_bias = true;
  bert.ffn.type = FeedForwardType::kDense;
  return bert;
}

EncoderOptions options_of(Family family) {
  return family == Family::kBert ? bert_options() : EncoderOptions();
}

EncoderOptions layer_options(const EncoderOptions& options, std::int64_t layer) {
  EncoderOptions own = options;
  own.ffn.layers.clear();
  own.ffn.other_width = 0;
  const std::vector<std::int64_t>& chosen = options.ffn.layers;
  if (chosen.empty() || std::find(chosen.begin(), chosen.end(), layer) != chosen.end()) return own;
  own.ffn.type = FeedForwardType::kDense;
  own.ffn.width = options.ffn.other_width;
  own.ffn.linear_rank = 0;
  return own;
}

static std::string describe_units(const FeedForwardOptions& options) {
  switch (options.type) {
    case FeedForwardType::kNeuronTree:
      return fmt::format("{}x{}", options.trees, options.depth);
    case FeedForwardType::kLeafTree:
      return fmt::format("{}x{} leaves of {}", options.trees, options.depth, options.leaf_width);
    case FeedForwardType::kDense:
      return fmt::format("dense {}", options.width);
    case FeedForwardType::kGated:
      return fmt::format("gated {}", options.width);
  }
  return "";
}

std::string describe(const FeedForwardOptions& options) {
  const bool path_alone = !has_trees(options) && options.width == 0 && options.linear_rank > 0;
  std::string text = path_alone ? "" : describe_units(options);
  if (options.linear_rank > 0)
    text += fmt::format("{}linear {}", path_alone ? "" : " + ", options.linear_rank);
  if (!options.layers.empty()) {
    text +=
        fmt::format(" in layers {}, others dense {}", fmt::join(options.layers, ", "), options.other_width);
  }
  return text;
}

bool has_feed_forward(const FeedForwardOptions& options) {
  return has_trees(options) || options.width != 0 || options.linear_rank != 0;
}

bool has_trees(const FeedForwardOptions& options) {
  return options.type == FeedForwardType::kNeuronTree || options.type == FeedForwardType::kLeafTree;
}

std::vector<std::int64_t> tree_layers(const EncoderOptions& options) {
  std::vector<std::int64_t> layers;
  for (std::int64_t layer = 0; layer < options.layers; ++layer) {
    if (has_trees(layer_options(options, layer).ffn)) layers.push_back(layer);
  }
  return layers;
}

ops::TreeSize tree_size(const FeedForwardOptions& options) {
  return {options.trees, options.depth};
}

static Neurons units_of(const FeedForwardOptions& options) {
  const ops::TreeSize size = tree_size(options);
  switch (options.type) {
    case FeedForwardType::kNeuronTree:
      return {size.nodes(), size.path_nodes()};
    case FeedForwardType::kLeafTree:
      return {size.leaves() * options.leaf_width + size.inner(),
              size.trees * options.leaf_width + size.path_inner()};
    case FeedForwardType::kDense:
    case FeedForwardType::kGated:
      return {options.width, options.width};
  }
  return {};
}

Neurons neurons_of(const FeedForwardOptions& options) {
  const Neurons units = units_of(options);
  return {units.all + options.linear_rank, units.used + options.linear_rank};
}

static void require(bool condition, const std::string& message) {
  if (!condition) throw InputError("architecture: " + message);
}

static void require_least(const char* key, std::int64_t value, std::int64_t least) {
  if (value < least) require(false, fmt::format("{} must be at least {}, got {}", key, least, value));
}

static void require_dropout(const char* key, double value) {
  if (value >= 0 && value < 1) return;
  require(false, fmt::format("{} must be at least 0 and below 1, got {}", key, value));
}

static void validate_ffn(const FeedForwardOptions& ffn) {
  require_least("arch.ffn.width", ffn.width, 0);
  require_least("arch.ffn.linear_rank", ffn.linear_rank, 0);
  require_least("arch.ffn.other_width", ffn.other_width, 0);
  if (!has_trees(ffn)) return;
  require_least("arch.ffn.trees", ffn.trees, 1);
  require_least("arch.ffn.depth", ffn.depth, 0);
  if (ffn.type == FeedForwardType::kLeafTree) require_least("arch.ffn.leaf_width", ffn.leaf_width, 1);
}

static void validate_ranges(const EncoderOptions& options) {
  require_least("arch.layers", options.layers, 0);
  require_least("arch.hidden_size", options.hidden_size, 1);
  require_least("arch.attention.heads", options.attention.heads, 1);
  require_least("arch.embedding.vocab_size", options.embedding.vocab_size, 1);
  require_least("arch.embedding.max_positions", options.embedding.max_positions, 1);
  require_least("arch.embedding.token_types", options.embedding.token_types, 0);
  require_dropout("arch.dropout", options.dropout);
  require_dropout("arch.embedding.dropout", options.embedding.dropout);
  require_dropout("arch.attention.dropout", options.attention.dropout);
  require(options.norm_eps >= 0, fmt::format("arch.norm_eps must be at least 0, got {}", options.norm_eps));
  validate_ffn(options.ffn);
}

static void validate_mixture(const EncoderOptions& options) {
  const std::vector<std::int64_t>& chosen = options.ffn.layers;
  std::int64_t last = -1;
  for (const std::int64_t layer : chosen) {
    if (layer > last && layer < options.layers) {
      last = layer;
      continue;
    }
    throw InputError(fmt::format(
        "architecture: arch.ffn.layers must name layers from 0 to {} in ascending order, got [{}]",
        options.layers - 1, fmt::join(chosen, ", ")));
  }
  if (chosen.empty() && options.ffn.other_width != 0) {
    throw InputError(
        fmt::format("architecture: arch.ffn.other_width ({}) is for layers that arch.ffn.layers leaves out; "
                    "it names none",
                    options.ffn.other_width));
  }
}

void validate(const EncoderOptions& options) {
  validate_ranges(options);
  const std::int64_t heads = options.attention.heads;
  require(options.hidden_size % heads == 0,
          fmt::format("arch.hidden_size must be a multiple of arch.attention.heads ({}), got {}", heads,
                      options.hidden_size));
  require(!options.attention.rotary || options.hidden_size / heads % 2 == 0,
          fmt::format("arch.attention.rotary needs an even head size, got {} / {} = {}", options.hidden_size,
                      heads, options.hidden_size / heads));
  require(options.ffn.type != FeedForwardType::kGated || options.ffn.width % 2 == 0,
          fmt::format("arch.ffn.width of a gated layer must be even, got {}", options.ffn.width));
  require(
      options.masked_lm_head || (!options.head_transform && !options.decoder_bias),
      "arch.masked_lm_head: without that head there is neither arch.head_transform nor arch.decoder_bias");
  require(options.embedding.positions != Positions::kScaledSinusoidal || options.hidden_size % 2 == 0,
          fmt::format("arch.embedding.positions: scaled_sinusoidal needs an even arch.hidden_size, got {}",
                      options.hidden_size));
  require(options.embedding.pad_id < options.embedding.vocab_size,
          fmt::format("arch.embedding.pad_id must be below arch.embedding.vocab_size ({}), got {}",
                      options.embedding.vocab_size, options.embedding.pad_id));
  validate_mixture(options);
}

}  // namespace espalier::nn
