// config.json of model_type espalier, which src/io/python/configuration_espalier.py reads: the keys of `arch`
// with `_` for dots, and beside them those of the head and of the routing.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "espalier/base/error.h"
#include "espalier/config/arch_config.h"
#include "io/hf_config.h"
#include "io/hf_config_values.h"

namespace espalier::io {

namespace {

constexpr const char* kEspalierEncoder = "EspalierModel";
constexpr const char* kEspalierMaskedLm = "EspalierForMaskedLM";
constexpr const char* kEspalierClassifier = "EspalierForSequenceClassification";

// "arch.ffn.depth" -> "ffn_depth"
std::string file_key(std::string key) {
  key.erase(0, std::string_view("arch.").size());
  std::replace(key.begin(), key.end(), '.', '_');
  return key;
}

Json value_of(const config::Setting& setting) {
  const std::string text = config::setting_text(setting);
  return setting.kind == config::Kind::kText ? Json(text) : parse_json(text, setting.key);
}

std::string text_of(const JsonView& view) {
  if (view.json().is_number_integer()) return fmt::to_string(view.as_int(0, kLargestSize));
  return view.json().is_string() ? view.as_string() : json_text(view.json(), -1);
}

nn::EncoderOptions read_arch(const JsonView& document) {
  std::vector<config::Setting> settings;
  for (const config::Setting& setting : config::arch_settings({})) {
    const std::string key = file_key(setting.key);
    if (!document.has(key)) continue;
    settings.push_back(
        config::setting_from_text(setting.key, text_of(document[key]), document.where() + ": " + key));
  }
  const nn::EncoderOptions arch = config::arch_from_settings(settings);
  // Their tables are not stored, so that nothing else bounds them.
  if (arch.embedding.positions != nn::Positions::kLearned && document.has("embedding_max_positions"))
    whole(document, "embedding_max_positions", 1, kMostPositions);
  return arch;
}

void read_class(const JsonView& document, HfConfig& config) {
  if (!document.has("architectures") || document["architectures"].size() == 0) return;
  const JsonView view = document["architectures"].at(0);
  const std::string name = view.as_string();
  config.encoder_named = name == kEspalierEncoder;
  config.masked_lm_named = name == kEspalierMaskedLm;
  config.sequence_classifier_named = name == kEspalierClassifier;
  if (config.encoder_named || config.masked_lm_named || config.sequence_classifier_named) return;
  view.fail(fmt::format("the class \"{}\" is not supported, only {}, {} and {}", name, kEspalierEncoder,
                        kEspalierMaskedLm, kEspalierClassifier));
}

void read_head(const JsonView& document, HfConfig& config) {
  nn::ClassifierOptions& head = config.head;
  if (document.has("head_pooler") && is_second(document["head_pooler"], "zero_index", "avg"))
    head.pooler = nn::Pooler::kAverage;
  if (document.has("head_activation") && is_second(document["head_activation"], "tanh", "relu"))
    head.activation = nn::HeadActivation::kRelu;
  if (document.has("head_dim")) head.head_dim = whole(document, "head_dim", 1);
  head.dropout = probability(document, "head_dropout", head.dropout);
}

// What these classes compute of routing.mode: an anneal ends hard, and frozen trees are hard.
std::string computed_mode(const std::string& mode) {
  return mode == "soft" || mode == "straight_through" ? mode : "hard";
}

void set_unless_zero(const char* key, double value, Json& json) {
  json.erase(key);
  if (value != 0) json[key] = value;
}

// What the file says of the routing: transformers may have changed it since `espalier` was written.
Json read_routing(const JsonView& document, Json own) {
  const std::string mode = document.get("routing_mode", "hard");
  constexpr std::array<const char*, 3> kModes = {"hard", "straight_through", "soft"};
  if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end()) {
    document["routing_mode"].fail(
        fmt::format("expected \"hard\", \"straight_through\" or \"soft\", found \"{}\"", mode));
  }
  const double temperature = positive(document, "routing_temperature", 1.0);
  const double epsilon = probability(document, "routing_epsilon", 0.0);
  const double ste_epsilon = document.get("routing_ste_epsilon", 0.0);
  if (!(ste_epsilon >= 0))
    document["routing_ste_epsilon"].fail(fmt::format("expected a number at least 0, found {}", ste_epsilon));
  const JsonView known(own, document.where() + ": espalier");
  if (!own.is_null()) known.expect_object();
  if (known.has("routing")) known["routing"].expect_object();
  Json routing = known.has("routing") ? known["routing"].json() : Json();
  const JsonView written(routing, document.where() + ": espalier.routing");
  if (computed_mode(written.get("mode", "hard")) != mode || written.get("temperature", 1.0) != temperature)
    routing = Json();
  if (routing.is_null()) {
    if (mode == "hard" && temperature == 1.0 && epsilon == 0 && ste_epsilon == 0) return own;
    routing = {
        {"mode", mode}, {"temperature", temperature}, {"finished", true}, {"trained_softly", mode == "soft"}};
  }
  set_unless_zero("epsilon", epsilon, routing);
  set_unless_zero("ste_epsilon", ste_epsilon, routing);
  own["routing"] = std::move(routing);
  return own;
}

void write_routing(const HfModel& model, Json& document) {
  const JsonView own(model.own, "espalier");
  const Json routing = own.has("routing") ? own["routing"].json() : Json();
  const JsonView view(routing, "espalier.routing");
  document["routing_mode"] = computed_mode(view.get("mode", "hard"));
  document["routing_temperature"] = view.get("temperature", 1.0);
  set_unless_zero("routing_epsilon", view.get("epsilon", 0.0), document);
  set_unless_zero("routing_ste_epsilon", view.get("ste_epsilon", 0.0), document);
}

void write_head(const nn::ClassifierOptions& head, Json& document) {
  document["head_pooler"] = head.pooler == nn::Pooler::kFirst ? "zero_index" : "avg";
  document["head_activation"] = head.activation == nn::HeadActivation::kTanh ? "tanh" : "relu";
  document["head_dim"] = head.head_dim;
  document["head_dropout"] = head.dropout;
}

Json auto_map(const HfModel& model) {
  const auto of_module = [](const char* name) { return fmt::format("modeling_espalier.{}", name); };
  Json map = {{"AutoConfig", "configuration_espalier.EspalierConfig"},
              {"AutoModel", of_module(kEspalierEncoder)}};
  if (model.arch.masked_lm_head) map["AutoModelForMaskedLM"] = of_module(kEspalierMaskedLm);
  map["AutoModelForSequenceClassification"] = of_module(kEspalierClassifier);
  return map;
}

}  // namespace

void parse_espalier_config(HfConfig& config) {
  const JsonView document(config.document, config.where);
  config.arch = read_arch(document);
  read_class(document, config);
  read_head(document, config);
  const Json own = config.document.value("espalier", Json());
  if (!nn::has_trees(config.arch.ffn)) return;
  Json routing = read_routing(document, own);
  if (!routing.is_null()) config.document["espalier"] = std::move(routing);
}

void write_espalier_config(const HfModel& model, Json& document) {
  document["architectures"] = Json::array({model.classifier            ? kEspalierClassifier
                                           : model.arch.masked_lm_head ? kEspalierMaskedLm
                                                                       : kEspalierEncoder});
  document["model_type"] = kEspalierType;
  document["auto_map"] = auto_map(model);
  for (const config::Setting& setting : config::arch_settings(model.arch)) {
    document[file_key(setting.key)] = value_of(setting);
  }
  nn::ClassifierOptions head = model.classifier.value_or(nn::ClassifierOptions());
  // So that the classifier begins with the pooler that the model carries.
  if (!model.classifier && model.arch.pooler) head.head_dim = model.arch.hidden_size;
  // A classifier that transformers is to make of it may have been given other sizes there.
  if (model.classifier || !document.contains("head_dim")) write_head(head, document);
  if (nn::has_trees(model.arch.ffn)) write_routing(model, document);
  document["tie_word_embeddings"] = true;
}

}  // namespace espalier::io
