#include "io/hf_config.h"

#include <fmt/format.h>

#include <set>

#include "espalier/base/error.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

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
  const JsonView arch = document["arch"];
  for (const JsonView* view : {&document, &arch}) {
    if (config.head.labels == 0 && view->has("num_labels")) {
      config.head.labels = (*view)["num_labels"].as_int(1, kMostLabels);
    }
  }
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

void require_model_type(const JsonView& view) {
  const std::string type = view.get("model_type", "crammedBERT");
  if (type == "crammedBERT") return;
  view["model_type"].fail(fmt::format(
      "\"{}\" is not supported, only \"crammedBERT\", which `espalier export` and the cramming repository "
      "write; of "
      "another model its tokenizer.json can be used: espalier prepare CONFIG tokenizer.path=tokenizer.json",
      type));
}

// config.json as the document; model_config.json, which is the `arch` mapping alone, is put in its place.
Json read_document(const fs::path& folder, std::string& where) {
  const fs::path plain = folder / "config.json";
  const fs::path arch_alone = folder / "model_config.json";
  if (fs::exists(plain)) {
    where = plain.string();
    Json document = read_json(plain);
    const JsonView view(document, where);
    view.expect_object();
    require_model_type(view);
    if (view.has("arch")) return document;
    if (!fs::exists(arch_alone))
      view.fail("the key \"arch\" (the architecture of a crammed BERT) is missing");
  }
  if (!fs::exists(arch_alone)) {
    throw InputError(
        fmt::format("{}: neither config.json nor model_config.json is in this folder", folder.string()));
  }
  where = arch_alone.string();
  Json document = Json::object();
  document["arch"] = read_json(arch_alone);
  return document;
}

// Complete for crammed-bert-fff.yaml of the original, with keys that only training reads at their defaults.
Json arch_json(const HfModel& model) {
  const nn::CrammedBertOptions& arch = model.arch;
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

Json embedding_json(const nn::CrammedBertOptions& arch) {
  const char* positions = arch.embedding.positions == nn::Positions::kScaledSinusoidal ? "scaled-sinusoidal"
                          : arch.embedding.positions == nn::Positions::kLearned        ? "learned"
                                                                                       : "none";
  return {{"vocab_size", arch.embedding.vocab_size},        {"pos_embedding", positions},
          {"dropout_prob", arch.embedding.dropout},         {"pad_token_id", arch.embedding.pad_id},
          {"max_seq_length", arch.embedding.max_positions}, {"embedding_dim", arch.hidden_size},
          {"normalization", arch.embedding.norm},           {"stable_low_precision", false}};
}

Json attention_json(const nn::CrammedBertOptions& arch) {
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

const char* torch_name(DType dtype) {
  if (dtype == DType::kF16) return "float16";
  return dtype == DType::kBF16 ? "bfloat16" : "float32";
}

}  // namespace

HfConfig read_hf_config(const fs::path& folder) {
  HfConfig config;
  config.document = read_document(folder, config.where);
  const JsonView document(config.document, config.where);
  parse_hf_arch(document["arch"], config);
  read_class_name(document, config);
  read_class_name(document["arch"], config);
  read_label_count(document, config);
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

Json hf_config(const HfModel& model, std::optional<DType> dtype) {
  Json document = model.source.config;
  if (document.is_null()) {
    document["arch"] = new_arch(model);
    if (model.classifier) add_labels(model, document);
  }
  if (!document.contains("architectures")) {
    document["architectures"] = Json::array({model.classifier ? kClassifier : kMaskedLm});
  }
  document["arch"]["embedding"]["vocab_size"] = model.arch.embedding.vocab_size;
  document["model_type"] = "crammedBERT";
  if (!model.own.is_null()) document["espalier"] = model.own;
  // transformers 5 calls it `dtype`; what is there keeps its name.
  const char* key = document.contains("dtype") ? "dtype" : "torch_dtype";
  if (dtype || !document.contains(key)) document[key] = torch_name(dtype.value_or(model.source.dtype));
  return document;
}

}  // namespace espalier::io
