#include "io/hf_config.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "espalier/base/error.h"
#include "io/hf_int8.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCrammed = "crammedBERT";
constexpr const char* kMaskedLm = "ScriptableLMForPreTraining";
constexpr const char* kClassifier = "ScriptableLMForSequenceClassification";

// Class i is `labels[i]`, from {"0": "negative", "1": "positive"}.
std::vector<std::string> read_labels(const JsonView& view) {
  std::vector<std::string> labels;
  if (!view.has("id2label")) return labels;
  const JsonView ids = view["id2label"];
  std::set<std::string> seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    labels.push_back(ids[std::to_string(i)].as_string());
    if (!seen.insert(labels.back()).second) {
      ids.fail(fmt::format("two classes have the label \"{}\"", labels.back()));
    }
  }
  return labels;
}

void read_label_count(const JsonView& document, HfConfig& config) {
  constexpr std::int64_t kMostLabels = 1 << 20;
  config.labels = read_labels(document);
  config.head.labels = static_cast<std::int64_t>(config.labels.size());
  const auto read_from = [&](const JsonView& view) {
    if (config.head.labels == 0 && view.has("num_labels")) {
      config.head.labels = view["num_labels"].as_int(1, kMostLabels);
    }
  };
  read_from(document);
  if (document.has("arch")) read_from(document["arch"]);
}

void read_class_name(const JsonView& view, HfConfig& config) {
  if (!view.has("architectures")) return;
  const JsonView names = view["architectures"];
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names.at(i).as_string();
    config.masked_lm_named |= name == kMaskedLm;
    config.sequence_classifier_named |= name == kClassifier;
    if (name != kMaskedLm && name != kClassifier && name != "ScriptableCrammedBERT") {
      names.at(i).fail(
          fmt::format("the model \"{}\" is not supported, only {} and {}", name, kMaskedLm, kClassifier));
    }
  }
}

// What else people have, and why it is another model.
const char* difference_of(const std::string& type) {
  static const std::map<std::string, const char*> known = {
      {"albert", "its layers share their weights and its embedding is factorised"},
      {"camembert", "it has another tokenizer (SentencePiece), and its positions begin elsewhere"},
      {"convbert", "it has convolutions in its attention"},
      {"deberta", "its attention reads relative positions, and it has another tokenizer (byte-level BPE)"},
      {"deberta-v2", "its attention reads relative positions, and it has another tokenizer (SentencePiece)"},
      {"electra", "its embedding may be factorised, and its classes have other heads"},
      {"mobilebert", "its layers have bottlenecks and norms of their own"},
      {"modernbert", "it has rotary positions, local attention and another tokenizer (BPE)"},
      {"mpnet", "its attention reads relative positions"},
      {"nomic_bert", "it has rotary positions and gated layers of its own"},
      {"roberta", "it has another tokenizer (byte-level BPE), and its positions begin elsewhere"},
      {"xlm-roberta", "it has another tokenizer (SentencePiece), and its positions begin elsewhere"}};
  const auto found = known.find(type);
  return found == known.end() ? "" : found->second;
}

// A configuration older than the key `model_type` names its class alone.
std::string model_type_of(const JsonView& document) {
  if (document.has("model_type")) return document["model_type"].as_string();
  if (document.has("arch") || !document.has("architectures") || document["architectures"].size() == 0) {
    return kCrammed;
  }
  const std::string name = document["architectures"].at(0).as_string();
  return name.starts_with("Bert") ? "bert" : name.starts_with("DistilBert") ? "distilbert" : kCrammed;
}

[[noreturn]] void refuse_model_type(const JsonView& view) {
  const std::string type = view.as_string();
  const std::string difference = difference_of(type);
  view.fail(fmt::format(
      "\"{}\" is not supported, only \"crammedBERT\" and \"espalier\", which `espalier export` and the "
      "cramming repository write, \"bert\" and \"distilbert\"{}; of another model its tokenizer.json can be "
      "used: espalier "
      "prepare CONFIG tokenizer.path=tokenizer.json",
      type, difference.empty() ? "" : ": " + difference));
}

// config.json as the document; model_config.json, which is the `arch` mapping alone, is put in its place.
Json read_document(const fs::path& folder, HfConfig& config) {
  const fs::path plain = folder / "config.json";
  const fs::path arch_alone = folder / "model_config.json";
  if (fs::exists(plain)) {
    config.where = plain.string();
    Json document = read_json(plain);
    const JsonView view(document, config.where);
    view.expect_object();
    const std::string type = model_type_of(view);
    const std::optional<HfLayout> stock = stock_layout(type);
    if (stock || type == kEspalierType) {
      config.layout = stock.value_or(HfLayout::kEspalier);
      return document;
    }
    if (type != kCrammed) refuse_model_type(view["model_type"]);
    if (view.has("arch")) return document;
    if (!fs::exists(arch_alone))
      view.fail("the key \"arch\" (the architecture of a crammed BERT) is missing");
  }
  if (!fs::exists(arch_alone)) {
    throw InputError(
        fmt::format("{}: neither config.json nor model_config.json is in this folder", folder.string()));
  }
  config.where = arch_alone.string();
  Json document = Json::object();
  document["arch"] = read_json(arch_alone);
  return document;
}

// Complete for crammed-bert-fff.yaml of the original, with keys that only training reads at their defaults.
Json arch_json(const HfModel& model) {
  const nn::EncoderOptions& arch = model.arch;
  const bool tree = arch.ffn.type == nn::FeedForwardType::kNeuronTree;
  Json json;
  json["architectures"] = Json::array({"ScriptableCrammedBERT"});
  json["num_transformer_layers"] = arch.layers;
  json["hidden_size"] = arch.hidden_size;
  json["intermed_type"] = tree ? "fff" : "ff";
  json["intermed_size"] = tree ? arch.ffn.trees : arch.ffn.width;
  if (tree) json["intermed_depth"] = arch.ffn.depth;
  json["hidden_dropout_prob"] = arch.dropout;
  json["norm"] = "LayerNorm";
  json["norm_eps"] = arch.norm_eps;
  json["norm_scheme"] = "pre";
  json["nonlin"] = arch.ffn.type == nn::FeedForwardType::kGated ? "GELUglu" : "GELU";
  json["tie_weights"] = true;
  json["decoder_bias"] = arch.decoder_bias;
  json["sparse_prediction"] = 0.25;
  json["loss"] = "cross-entropy";
  json["objective_layout"] = "MLM";
  return json;
}

Json embedding_json(const nn::EncoderOptions& arch) {
  const char* positions = arch.embedding.positions == nn::Positions::kScaledSinusoidal ? "scaled-sinusoidal"
                          : arch.embedding.positions == nn::Positions::kLearned        ? "learned"
                                                                                       : "none";
  return {{"vocab_size", arch.embedding.vocab_size},        {"pos_embedding", positions},
          {"dropout_prob", arch.embedding.dropout},         {"pad_token_id", arch.embedding.pad_id},
          {"max_seq_length", arch.embedding.max_positions}, {"embedding_dim", arch.hidden_size},
          {"normalization", arch.embedding.norm},           {"stable_low_precision", false}};
}

Json attention_json(const nn::EncoderOptions& arch) {
  return {{"type", "self-attention"},
          {"causal_attention", false},
          {"num_attention_heads", arch.attention.heads},
          {"dropout_prob", arch.attention.dropout},
          {"skip_output_projection", false},
          {"qkv_bias", arch.attention.qkv_bias},
          {"rotary_embedding", arch.attention.rotary ? Json("llama") : Json(false)},
          {"seq_op_in_fp32", false},
          {"sequence_op", "torch-softmax"}};
}

Json head_json(const HfModel& model) {
  const bool first = model.classifier && model.classifier->pooler == nn::Pooler::kFirst;
  return {{"pooler", first ? "zero_index" : "avg"},
          {"include_ff_layer", true},
          {"head_dim", model.classifier ? model.classifier->head_dim : 1024},
          {"nonlin", "Tanh"},
          {"classifier_dropout", model.classifier ? model.classifier->dropout : model.arch.dropout}};
}

Json new_arch(const HfModel& model) {
  Json json = arch_json(model);
  json["embedding"] = embedding_json(model.arch);
  json["attention"] = attention_json(model.arch);
  json["init"] = {{"type", "normal"}, {"std", model.arch.init_std}};
  json["ffn_layer_frequency"] = 1;
  json["skip_head_transform"] = true;
  json["use_bias"] = model.arch.use_bias;
  json["final_norm"] = model.arch.final_norm;
  json["num_labels"] = model.classifier ? Json(model.classifier->labels) : Json();
  json["classification_head"] = head_json(model);
  return json;
}

void add_labels(const HfModel& model, Json& document) {
  const std::int64_t count = model.classifier->labels;
  document["num_labels"] = count;
  document["problem_type"] = count == 1 ? "regression" : "single_label_classification";
  Json names = Json::object();
  Json ids = Json::object();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const std::string name = index < model.labels.size() ? model.labels[index] : fmt::format("LABEL_{}", i);
    names[std::to_string(i)] = name;
    ids[name] = i;
  }
  document["id2label"] = std::move(names);
  document["label2id"] = std::move(ids);
}

// Whether a config that a model came with is one of this layout.
bool is_config_of(const Json& document, HfLayout layout) {
  if (!document.is_object()) return false;
  const std::string type = model_type_of(JsonView(document, "config.json"));
  const std::optional<HfLayout> stock = stock_layout(type);
  if (type == kEspalierType) return layout == HfLayout::kEspalier;
  return stock ? *stock == layout : layout == HfLayout::kOriginal && document.contains("arch");
}

const char* torch_name(DType dtype) {
  if (dtype == DType::kF16) return "float16";
  return dtype == DType::kBF16 ? "bfloat16" : "float32";
}

}  // namespace

HfConfig read_hf_config(const fs::path& folder) {
  HfConfig config;
  config.document = read_document(folder, config);
  const JsonView document(config.document, config.where);
  config.int8 = says_int8(document, config.layout);
  if (config.layout == HfLayout::kOriginal) {
    parse_hf_arch(document["arch"], config);
    read_class_name(document, config);
    read_class_name(document["arch"], config);
  } else if (config.layout == HfLayout::kEspalier) {
    parse_espalier_config(config);
  } else {
    parse_stock_config(document, config);
  }
  // Others keep leftovers there that nothing reads.
  const bool other = document.has("architectures") && document["architectures"].size() > 0 &&
                     document["architectures"].at(0).as_string().find("Classification") == std::string::npos;
  if (!other || config.layout == HfLayout::kOriginal) read_label_count(document, config);
  return config;
}

void require_problem_type(const HfConfig& config, std::int64_t labels) {
  const JsonView document(config.document, config.where);
  if (!document.has("problem_type")) return;
  const JsonView type = document["problem_type"];
  const std::string& name = type.as_string();
  if (name == "single_label_classification" || (name == "regression" && labels == 1)) return;
  type.fail(
      fmt::format("\"{}\" with {} labels is not supported, only \"single_label_classification\" and "
                  "\"regression\" with one label",
                  name, labels));
}

Json hf_config(const HfModel& model, HfLayout layout, std::optional<DType> dtype) {
  const bool original = layout == HfLayout::kOriginal;
  const bool stock = !original && layout != HfLayout::kEspalier;
  Json document = model.source.config;
  if (!is_config_of(document, layout)) {
    document = stock ? new_stock_config(model, layout) : Json::object();
    if (original) document["arch"] = new_arch(model);
    if (model.classifier) add_labels(model, document);
  }
  if (layout == HfLayout::kEspalier) write_espalier_config(model, document);
  if (!document.contains("architectures")) {
    document["architectures"] = Json::array({!original          ? stock_class(model, layout)
                                             : model.classifier ? kClassifier
                                                                : kMaskedLm});
  }
  if (original) {
    document["arch"]["embedding"]["vocab_size"] = model.arch.embedding.vocab_size;
    document["model_type"] = kCrammed;
  }
  if (!model.own.is_null()) document["espalier"] = model.own;
  document.erase("quantization_config");
  if (dtype == DType::kI8) {
    document["quantization_config"] = int8_config(model, layout);
    document["tie_word_embeddings"] = true;  // of an untied model the two are equal
  }
  // transformers 5 calls it `dtype`; what is there keeps its name.
  const char* key = document.contains("dtype") ? "dtype" : "torch_dtype";
  if (dtype || !document.contains(key)) document[key] = torch_name(dtype.value_or(model.source.dtype));
  return document;
}

}  // namespace espalier::io
