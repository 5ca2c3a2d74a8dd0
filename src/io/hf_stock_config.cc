// config.json of model_type bert and distilbert.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "espalier/base/error.h"
#include "io/hf_config.h"
#include "io/hf_config_values.h"
#include "io/hf_stock_keys.h"

namespace espalier::io {

namespace {

std::int64_t size_of(const JsonView& view, const char* key, std::int64_t otherwise, std::int64_t low = 1) {
  return view.has(key) ? whole(view, key, low) : otherwise;
}

nn::Activation activation_of(const JsonView& document, const char* key) {
  const std::string found = document.get(key, "gelu");
  std::string known;
  for (const StockActivation& entry : stock_activations()) {
    for (const std::string& name : entry.names) {
      if (name == found) return entry.activation;
      known += (known.empty() ? "" : ", ") + name;
    }
  }
  document[key].fail(fmt::format("\"{}\" is not supported, only {}", found, known));
}

// What would make these classes compute something else than an encoder of ours.
void refuse_other_mechanisms(const JsonView& document) {
  require(document, "is_decoder", false, "every token sees both sides");
  require(document, "add_cross_attention", false, "there is no second text to attend to");
  require(document, "position_embedding_type", "absolute", "positions are added to the embedding");
  if (document.has("pruned_heads") && document["pruned_heads"].size() > 0) {
    document["pruned_heads"].fail("layers without some of their heads are not supported");
  }
}

bool has_other_head(const std::string& name) {
  constexpr std::array<const char*, 5> kHeads = {"ForTokenClassification", "ForQuestionAnswering",
                                                 "ForMultipleChoice", "ForNextSentencePrediction",
                                                 "LMHeadModel"};
  return std::any_of(kHeads.begin(), kHeads.end(), [&](const char* head) { return name.ends_with(head); });
}

void read_stock_class(const JsonView& document, const StockKeys& keys, HfConfig& config) {
  if (!document.has("architectures") || document["architectures"].size() == 0) return;
  const JsonView view = document["architectures"].at(0);
  const std::string name = view.as_string();
  config.encoder_named = name == keys.encoder_class;
  config.masked_lm_named =
      name == keys.masked_lm_class || (keys.pretraining_class != nullptr && name == keys.pretraining_class);
  config.sequence_classifier_named = name == keys.classifier_class;
  if (config.encoder_named || config.masked_lm_named || config.sequence_classifier_named) return;
  const std::string pretraining =
      keys.pretraining_class == nullptr ? "" : fmt::format("{}, ", keys.pretraining_class);
  const std::string encoder =
      has_other_head(name)
          ? fmt::format("; its encoder alone is read with \"architectures\": [\"{}\"]", keys.encoder_class)
          : "";
  view.fail(fmt::format("the class \"{}\" is not supported, only {}, {}, {}{}{}", name, keys.encoder_class,
                        keys.masked_lm_class, pretraining, keys.classifier_class, encoder));
}

void parse_stock_head(const JsonView& document, const StockKeys& keys, HfConfig& config) {
  const bool bert = config.layout == HfLayout::kBert;
  const double otherwise = bert ? config.arch.dropout : 0.2;
  config.head = {.pooler = nn::Pooler::kFirst,
                 .activation = bert ? nn::HeadActivation::kTanh : nn::HeadActivation::kRelu,
                 .head_dim = config.arch.hidden_size,
                 .labels = 0,
                 .dropout = probability(document, keys.head_dropout, otherwise)};
}

const char* activation_name(nn::Activation activation) {
  for (const StockActivation& entry : stock_activations()) {
    if (entry.activation == activation) return entry.names[0].c_str();
  }
  return "";
}

}  // namespace

std::optional<HfLayout> stock_layout(const std::string& model_type) {
  for (const HfLayout layout : {HfLayout::kBert, HfLayout::kDistilBert}) {
    if (model_type == stock_keys(layout).model_type) return layout;
  }
  return std::nullopt;
}

void parse_stock_config(const JsonView& document, HfConfig& config) {
  const StockKeys& keys = stock_keys(config.layout);
  const bool bert = config.layout == HfLayout::kBert;
  refuse_other_mechanisms(document);
  read_stock_class(document, keys, config);
  nn::EncoderOptions& arch = config.arch;
  arch = nn::bert_options();
  arch.layers = size_of(document, keys.layers, keys.default_layers, 0);
  arch.hidden_size = size_of(document, keys.hidden_size, 768);
  arch.attention.heads = size_of(document, keys.heads, 12);
  arch.ffn.width = size_of(document, keys.width, 3072);
  arch.ffn.activation = activation_of(document, keys.activation);
  arch.dropout = probability(document, keys.dropout, 0.1);
  arch.attention.dropout = probability(document, keys.attention_dropout, 0.1);
  arch.attention.output_dropout = bert;
  arch.norm_eps = bert ? positive(document, "layer_norm_eps", 1e-12) : 1e-12;
  const double std = document.get("initializer_range", arch.init_std);
  if (std > 0) arch.init_std = std;
  arch.embedding.vocab_size = size_of(document, "vocab_size", 30522);
  arch.embedding.max_positions = size_of(document, "max_position_embeddings", 512);
  arch.embedding.token_types = bert ? size_of(document, "type_vocab_size", 2) : 0;
  arch.embedding.pad_id = size_of(document, "pad_token_id", 0, 0);
  arch.embedding.dropout = arch.dropout;
  parse_stock_head(document, keys, config);
}

std::string stock_class(const HfModel& model, HfLayout layout) {
  const StockKeys& keys = stock_keys(layout);
  if (model.classifier) return keys.classifier_class;
  return model.arch.masked_lm_head ? keys.masked_lm_class : keys.encoder_class;
}

Json new_stock_config(const HfModel& model, HfLayout layout) {
  const StockKeys& keys = stock_keys(layout);
  const nn::EncoderOptions& arch = model.arch;
  Json json;
  json["architectures"] = Json::array({stock_class(model, layout)});
  json["model_type"] = keys.model_type;
  json["vocab_size"] = arch.embedding.vocab_size;
  json[keys.hidden_size] = arch.hidden_size;
  json[keys.layers] = arch.layers;
  json[keys.heads] = arch.attention.heads;
  json[keys.width] = arch.ffn.width;
  json[keys.activation] = activation_name(arch.ffn.activation);
  json[keys.dropout] = arch.dropout;
  json[keys.attention_dropout] = arch.attention.dropout;
  if (model.classifier) json[keys.head_dropout] = model.classifier->dropout;
  json["max_position_embeddings"] = arch.embedding.max_positions;
  json["initializer_range"] = arch.init_std;
  json["pad_token_id"] = arch.embedding.pad_id;
  json["tie_word_embeddings"] = true;
  if (layout == HfLayout::kBert) {
    json["type_vocab_size"] = arch.embedding.token_types;
    json["layer_norm_eps"] = arch.norm_eps;
    json["position_embedding_type"] = "absolute";
  } else {
    json["sinusoidal_pos_embds"] = false;
  }
  return json;
}

}  // namespace espalier::io
