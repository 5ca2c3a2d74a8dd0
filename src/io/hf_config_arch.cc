#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "io/hf_config.h"
#include "io/hf_config_values.h"

namespace espalier::io {

namespace {

void warn_of_unknown_keys(const JsonView& view, const std::vector<std::string>& known, HfConfig& config) {
  for (const std::string& key : view.keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    config.warnings.push_back(
        fmt::format("{}: the key \"{}\" is not known and was ignored", view.where(), key));
  }
}

void parse_embedding(const JsonView& view, std::int64_t hidden_size, HfConfig& config) {
  warn_of_unknown_keys(view,
                       {"vocab_size", "pos_embedding", "dropout_prob", "pad_token_id", "max_seq_length",
                        "embedding_dim", "normalization", "stable_low_precision"},
                       config);
  nn::EmbeddingOptions& embedding = config.arch.embedding;
  embedding.vocab_size = view.has("vocab_size") ? whole(view, "vocab_size", 1) : 0;
  embedding.max_positions = whole(view, "max_seq_length", 1, kMostPositions);
  embedding.norm = view.get("normalization", true);
  embedding.dropout = probability(view, "dropout_prob", 0.0);
  embedding.pad_id = view.has("pad_token_id") ? whole(view, "pad_token_id", 0) : 0;
  if (view.has("embedding_dim") && whole(view, "embedding_dim", 1) != hidden_size) {
    view["embedding_dim"].fail(
        fmt::format("expected hidden_size ({}), found {}: a factorised embedding is not supported",
                    hidden_size, whole(view, "embedding_dim", 1)));
  }
  const std::string positions = view.get("pos_embedding", "none");
  if (positions == "scaled-sinusoidal") {
    embedding.positions = nn::Positions::kScaledSinusoidal;
  } else if (positions == "learned") {
    embedding.positions = nn::Positions::kLearned;
  } else if (positions == "none" || positions.empty()) {
    embedding.positions = nn::Positions::kNone;
  } else {
    view["pos_embedding"].fail(fmt::format(
        "\"{}\" is not supported, only \"scaled-sinusoidal\", \"learned\" and \"none\"", positions));
  }
}

// `llama` rotates. `true` builds a table, computes the rotation and returns the unrotated tensors.
void parse_rotary(const JsonView& view, HfConfig& config) {
  if (!view.has("rotary_embedding")) return;
  const JsonView rotary = view["rotary_embedding"];
  if (rotary.json() == Json("llama")) {
    config.arch.attention.rotary = true;
  } else if (rotary.json() == Json(true)) {
    config.rotary_without_effect = true;
    config.warnings.push_back(fmt::format(
        "{}: true has no effect in the original code (it returns the unrotated tensors): read as false",
        rotary.where()));
  } else if (rotary.json() != Json(false)) {
    rotary.fail(fmt::format("{} is not supported, only \"llama\" and false", json_text(rotary.json(), -1)));
  }
}

void parse_attention(const JsonView& view, HfConfig& config) {
  warn_of_unknown_keys(view,
                       {"type", "causal_attention", "num_attention_heads", "dropout_prob",
                        "skip_output_projection", "qkv_bias", "rotary_embedding", "seq_op_in_fp32",
                        "sequence_op", "high_level_fusion", "low_level_fusion"},
                       config);
  require(view, "type", "self-attention", "other mechanisms have other weights");
  require(view, "causal_attention", false, "the model sees both sides");
  require(view, "skip_output_projection", false, "attention ends with its output projection");
  require(view, "sequence_op", "torch-softmax", "attention weights are a softmax");
  nn::AttentionOptions& attention = config.arch.attention;
  attention.heads = whole(view, "num_attention_heads", 1);
  attention.qkv_bias = view.get("qkv_bias", false);
  attention.dropout = probability(view, "dropout_prob", 0.0);
  attention.rotary = false;
  parse_rotary(view, config);
}

void parse_feed_forward(const JsonView& view, HfConfig& config) {
  nn::FeedForwardOptions& ffn = config.arch.ffn;
  const std::string type = view.get("intermed_type", "ff");
  const std::string nonlin = view.get("nonlin", "GELU");
  if (type == "fff") {
    ffn.type = nn::FeedForwardType::kNeuronTree;
    ffn.trees = whole(view, "intermed_size", 1);
    ffn.depth = whole(view, "intermed_depth", 0, nn::kDeepestTree);
    require(view, "nonlin", "GELU", "the nodes of trees are GELU neurons");
    return;
  }
  if (type != "ff") {
    view["intermed_type"].fail(fmt::format("\"{}\" is not supported, only \"ff\" and \"fff\"", type));
  }
  if (nonlin != "GELU" && nonlin != "GELUglu") {
    view["nonlin"].fail(fmt::format("\"{}\" is not supported, only \"GELU\" and \"GELUglu\"", nonlin));
  }
  ffn.type = nonlin == "GELU" ? nn::FeedForwardType::kDense : nn::FeedForwardType::kGated;
  ffn.width = whole(view, "intermed_size", 0);
}

void parse_init(const JsonView& view, HfConfig& config) {
  if (!view.has("init")) return;
  const JsonView init = view["init"];
  if (init.get("type", "normal") != "normal") {
    config.warnings.push_back(
        fmt::format("{}: only initialisation of type \"normal\" is known; training a fresh model of this "
                    "architecture would start from N(0, {}^2)",
                    init.where(), config.arch.init_std));
    return;
  }
  const double std = init.get("std", config.arch.init_std);
  if (std > 0) config.arch.init_std = std;
}

void parse_head(const JsonView& view, HfConfig& config) {
  config.head = {
      .pooler = nn::Pooler::kAverage, .head_dim = config.arch.hidden_size, .labels = 0, .dropout = 0.0};
  if (!view.has("classification_head")) return;
  const JsonView head = view["classification_head"];
  const std::string pooler = head.get("pooler", "avg");
  if (pooler == "zero_index") config.head.pooler = nn::Pooler::kFirst;
  config.head.head_dim = head.has("head_dim") ? whole(head, "head_dim", 1) : config.arch.hidden_size;
  config.head.dropout = probability(head, "classifier_dropout", 0.0);
}

void warn_of_training_keys(const JsonView& view, HfConfig& config) {
  if (!view.get("tie_weights", true)) {
    config.warnings.push_back(
        fmt::format("{}: tie_weights: false is ignored, as in the original: decoder and embedding are tied",
                    view.where()));
  }
  const std::int64_t every = view.get("ffn_layer_frequency", 1);
  if (every != 1) {
    config.warnings.push_back(fmt::format(
        "{}: ffn_layer_frequency: {} is ignored, as in the original: every layer has a feedforward half",
        view.where(), every));
  }
}

}  // namespace

void require_supported_head(const HfConfig& config) {
  const JsonView arch = JsonView(config.document, config.where)["arch"];
  if (!arch.has("classification_head")) return;
  const JsonView head = arch["classification_head"];
  const std::string pooler = head.get("pooler", "avg");
  if (pooler != "avg" && pooler != "zero_index") {
    head["pooler"].fail(fmt::format("\"{}\" is not supported, only \"avg\" and \"zero_index\"", pooler));
  }
  require(head, "include_ff_layer", true, "the pooled state passes a linear layer");
  require(head, "nonlin", "Tanh", "the pooled state passes a tanh");
}

void parse_hf_arch(const JsonView& view, HfConfig& config) {
  warn_of_unknown_keys(view,
                       {"architectures",
                        "num_transformer_layers",
                        "hidden_size",
                        "intermed_type",
                        "intermed_size",
                        "intermed_depth",
                        "hidden_dropout_prob",
                        "norm",
                        "norm_eps",
                        "norm_scheme",
                        "nonlin",
                        "tie_weights",
                        "decoder_bias",
                        "sparse_prediction",
                        "loss",
                        "objective_layout",
                        "embedding",
                        "attention",
                        "init",
                        "ffn_layer_frequency",
                        "skip_head_transform",
                        "use_bias",
                        "final_norm",
                        "num_labels",
                        "classification_head"},
                       config);
  nn::EncoderOptions& arch = config.arch;
  require(view, "norm", "LayerNorm", "every norm is a LayerNorm");
  require(view, "norm_scheme", "pre", "norms stand before attention and feedforward");
  require(view, "skip_head_transform", true, "the decoder reads the encoder's states directly");
  require(view, "objective_layout", "MLM", "a masked language model");
  arch.layers = whole(view, "num_transformer_layers", 0);
  arch.hidden_size = whole(view, "hidden_size", 1);
  arch.dropout = probability(view, "hidden_dropout_prob", 0.0);
  arch.norm_eps = positive(view, "norm_eps", 1e-12);
  arch.use_bias = view.get("use_bias", false);
  arch.final_norm = view.get("final_norm", true);
  arch.decoder_bias = view.get("decoder_bias", false);
  parse_embedding(view["embedding"], arch.hidden_size, config);
  parse_attention(view["attention"], config);
  parse_feed_forward(view, config);
  parse_init(view, config);
  parse_head(view, config);
  warn_of_training_keys(view, config);
}

}  // namespace espalier::io
