#include "espalier/io/sentence_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "espalier/base/error.h"
#include "espalier/io/run_files.h"
#include "espalier/io/text_file.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

constexpr const char* kModulesFile = "modules.json";
constexpr const char* kPrompts = "config_sentence_transformers.json";
// Of the Transformer module; the first that is there counts.
constexpr std::array<const char*, 3> kTransformer = {
    "sentence_bert_config.json", "sentence_distilbert_config.json", "sentence_roberta_config.json"};
// Under these a folder keeps arguments for the tokenizer.
constexpr std::array<const char*, 2> kTokenizerSettings = {"processor_kwargs", "tokenizer_args"};
constexpr const char* kWayOut =
    "; without modules.json the folder is read as the encoder alone, whose states `embed` averages";

// One step of the chain.
struct Module {
  std::string kind;  // "Pooling"
  std::string config;
};

// Path of a file in the folder: a folder of one name, for nothing outside may be read or written.
std::string config_of(const JsonView& module) {
  const std::string path = module["path"].as_string();
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '_' || letter == '-';
  });
  if (!plain) module["path"].fail(fmt::format("expected the name of a folder beside, found \"{}\"", path));
  return path.empty() ? path : path + "/config.json";
}

std::vector<Module> chain_of(const JsonView& modules) {
  std::vector<Module> chain;
  modules.expect_array();
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const JsonView module = modules.at(i);
    const std::string type = module["type"].as_string();
    const std::string kind = type.substr(type.rfind('.') + 1);
    const bool fits = i == 0 ? kind == "Transformer" : i == 1 ? kind == "Pooling" : kind == "Normalize";
    if (!fits) {
      module["type"].fail(
          fmt::format("\"{}\" is not supported as module {}, only Transformer, Pooling, Normalize in this "
                      "order{}",
                      type, i, kWayOut));
    }
    chain.push_back({kind, config_of(module)});
    if (i == 1 && chain[1].config.empty()) module["path"].fail("expected the folder of its config.json");
    if (i == 0 && !chain[0].config.empty()) {
      module["path"].fail(
          fmt::format("the encoder lies in a folder of its own; move its files beside {}", kModulesFile));
    }
  }
  if (chain.size() < 2) modules.fail(fmt::format("the module Pooling is missing{}", kWayOut));
  return chain;
}

SentencePooling pooling_named(const JsonView& view, const std::string& name) {
  if (name == "mean") return SentencePooling::kMean;
  if (name == "cls") return SentencePooling::kFirst;
  if (name == "max") return SentencePooling::kMax;
  if (name == "mean_sqrt_len_tokens") return SentencePooling::kMeanSqrtLength;
  view.fail(fmt::format("the pooling \"{}\" is not supported, only mean, cls, max and mean_sqrt_len_tokens{}",
                        name, kWayOut));
}

// The names of `pooling_mode` (since version 6), or of what is true of the flags before.
std::vector<std::string> pooling_names(const JsonView& view) {
  std::vector<std::string> names;
  if (view.has("pooling_mode")) {
    const JsonView mode = view["pooling_mode"];
    if (!mode.json().is_array()) return {mode.as_string()};
    for (std::size_t i = 0; i < mode.size(); ++i) names.push_back(mode.at(i).as_string());
    return names;
  }
  for (const auto& [flag, name] :
       {std::pair{"pooling_mode_cls_token", "cls"}, std::pair{"pooling_mode_max_tokens", "max"},
        std::pair{"pooling_mode_mean_tokens", "mean"},
        std::pair{"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
        std::pair{"pooling_mode_weightedmean_tokens", "weightedmean"},
        std::pair{"pooling_mode_lasttoken", "lasttoken"}}) {
    if (view.get(flag, false)) names.emplace_back(name);
  }
  if (names.empty()) names.emplace_back("mean");
  return names;
}

void read_pooling(const JsonView& view, SentenceOptions& options) {
  const std::vector<std::string> names = pooling_names(view);
  if (names.size() != 1) {
    view.fail(fmt::format("several poolings side by side ({}) are not supported{}", fmt::join(names, ", "),
                          kWayOut));
  }
  options.pooling = pooling_named(view, names[0]);
  if (!view.get("include_prompt", true)) {
    view["include_prompt"].fail(fmt::format("false is not supported{}", kWayOut));
  }
}

// A tokenizer that knows no limit says 1e30.
std::int64_t length_of(const JsonView& view, const char* key) {
  constexpr double kNoLimit = 1e9;
  if (!view.has(key) || view[key].as_double() >= kNoLimit) return 0;
  return view[key].as_int(1);
}

void read_transformer(const JsonView& files, const Json& tokenizer_config, SentenceOptions& options) {
  const JsonView tokenizer(tokenizer_config, "tokenizer_config.json");
  options.max_length = length_of(tokenizer, "model_max_length");
  for (const char* name : kTransformer) {
    if (!files.has(name)) continue;
    const JsonView view = files[name];
    view.expect_object();
    options.lower_case = view.get("do_lower_case", false);
    for (const char* key : kTokenizerSettings) {
      if (!view.has(key)) continue;
      if (const std::int64_t length = length_of(view[key], "model_max_length")) options.max_length = length;
    }
    if (const std::int64_t length = length_of(view, "max_seq_length")) options.max_length = length;
    return;
  }
}

// What such a setting is where it asks for nothing, or for what is computed here anyway.
bool asks_for_nothing(const std::string& key, const Json& value) {
  if (value.is_null() || value.empty() || value == false) return true;
  if (key == "max_seq_length" || key == "do_lower_case" || key == "unpad_inputs") return true;
  if (key == "transformer_task") return value == "feature-extraction";
  if (key == "module_output_name") return value == "token_embeddings";
  if (key == "modality_config") {
    return value == Json({{"text", {{"method", "forward"}, {"method_output_name", "last_hidden_state"}}}});
  }
  const bool tokenizer =
      std::find(kTokenizerSettings.begin(), kTokenizerSettings.end(), key) != kTokenizerSettings.end();
  return tokenizer && value.is_object() && value.size() == 1 && value.contains("model_max_length");
}

void read_prompts(const JsonView& view, SentenceOptions& options) {
  if (view.has("prompts")) {
    const JsonView prompts = view["prompts"];
    for (const std::string& name : prompts.keys()) {
      if (prompts.has(name)) options.prompts.emplace_back(name, prompts[name].as_string());
    }
  }
  if (view.has("truncate_dim")) options.truncate_dim = view["truncate_dim"].as_int(1);
  options.default_prompt = view.get("default_prompt_name", "");
  const auto is_default = [&](const auto& prompt) { return prompt.first == options.default_prompt; };
  if (options.default_prompt.empty() ||
      std::any_of(options.prompts.begin(), options.prompts.end(), is_default)) {
    return;
  }
  view["default_prompt_name"].fail(fmt::format("there is no prompt \"{}\"", options.default_prompt));
}

// The files that may lie beside modules.json.
std::vector<std::string> names_beside(const JsonView& modules) {
  std::vector<std::string> names(kTransformer.begin(), kTransformer.end());
  names.emplace_back(kPrompts);
  for (const Module& module : chain_of(modules)) {
    if (!module.config.empty()) names.push_back(module.config);
  }
  return names;
}

// "sentence_transformers.models.Pooling, ...Dense": those after the encoder.
std::string further_modules(const JsonView& modules) {
  std::string names;
  modules.expect_array();
  for (std::size_t i = 1; i < modules.size(); ++i) {
    names += (names.empty() ? "" : ", ") + modules.at(i)["type"].as_string();
  }
  return names;
}

// What a cross-encoder's predictions go through.
void add_activation(const JsonView& view, const char* key, std::vector<std::string>& unread) {
  const std::string name = view.get(key, "");
  if (name.empty() || name.ends_with("Identity")) return;
  unread.push_back(
      fmt::format("{}: {} is not applied: `classify` gives the number of a model of one label as it is, and "
                  "the softmax of several",
                  view[key].where(), name));
}

}  // namespace

Json read_sentence_files(const fs::path& folder) {
  if (!fs::exists(folder / kModulesFile)) return {};
  Json files = Json::object();
  files[kModulesFile] = read_json(folder / kModulesFile);
  for (const std::string& name :
       names_beside(JsonView(files[kModulesFile], (folder / kModulesFile).string()))) {
    if (fs::exists(folder / name)) files[name] = read_json(folder / name);
  }
  static_cast<void>(sentence_options(files, {}, folder.string()));
  return files;
}

std::vector<std::string> unread_encoder_settings(const Json& files, const std::string& where) {
  std::vector<std::string> unread;
  for (const char* name : kTransformer) {
    if (!files.contains(name)) continue;
    for (const auto& [key, value] : files[name].items()) {
      if (asks_for_nothing(key, value)) continue;
      unread.push_back(
          fmt::format("{}: {}: {}: {} is not followed here, and the vectors may be others for it", where,
                      name, key, json_text(value, -1)));
    }
    break;
  }
  return unread;
}

bool asks_for_lower_case(const fs::path& folder) {
  if (!fs::exists(folder / kModulesFile)) return false;
  for (const char* name : kTransformer) {
    if (!fs::exists(folder / name)) continue;
    const Json config = read_json(folder / name);
    return JsonView(config, (folder / name).string()).get("do_lower_case", false);
  }
  return false;
}

SentenceOptions sentence_options(const Json& files, const Json& tokenizer_config, const std::string& where) {
  const JsonView view(files, where);
  SentenceOptions options;
  const std::vector<Module> chain = chain_of(view[kModulesFile]);
  if (!view.has(chain[1].config)) {
    view.fail(fmt::format("there is no {}, which says what {} asks for", chain[1].config, kModulesFile));
  }
  read_pooling(view[chain[1].config], options);
  options.normalize = chain.size() > 2;
  for (std::size_t i = 2; i < chain.size(); ++i) {
    if (!view.has(chain[i].config)) continue;
    const JsonView normalize = view[chain[i].config];
    for (const char* key : {"module_input_name", "module_output_name"}) {
      if (normalize.get(key, "sentence_embedding") != "sentence_embedding") {
        normalize[key].fail(fmt::format("only \"sentence_embedding\" is supported{}", kWayOut));
      }
    }
  }
  read_transformer(view, tokenizer_config, options);
  if (view.has(kPrompts)) read_prompts(view[kPrompts], options);
  return options;
}

bool names_activation(const fs::path& folder, const Json& config) {
  const JsonView view(config, (folder / "config.json").string());
  if (view.has("sbert_ce_default_activation_function")) return true;
  if (view.has("sentence_transformers") && view["sentence_transformers"].has("activation_fn")) return true;
  if (!fs::exists(folder / kPrompts)) return false;
  const Json prompts = read_json(folder / kPrompts);
  return JsonView(prompts, (folder / kPrompts).string()).has("activation_fn");
}

std::vector<std::string> unread_sentence_files(const fs::path& folder, const Json& config) {
  std::vector<std::string> unread;
  const fs::path modules = folder / kModulesFile, prompts = folder / kPrompts;
  if (fs::exists(modules)) {
    const Json document = read_json(modules);
    const std::string names = further_modules(JsonView(document, modules.string()));
    if (!names.empty()) {
      unread.push_back(fmt::format(
          "{}: not computed: {}: the model is a classifier, whose scores `classify` gives without "
          "them; `embed` averages its states",
          modules.string(), names));
    }
  }
  const JsonView of_config(config, (folder / "config.json").string());
  add_activation(of_config, "sbert_ce_default_activation_function", unread);  // until version 3
  if (of_config.has("sentence_transformers")) {                               // 4 and 5
    add_activation(of_config["sentence_transformers"], "activation_fn", unread);
  }
  if (fs::exists(prompts)) {
    const Json document = read_json(prompts);
    add_activation(JsonView(document, prompts.string()), "activation_fn", unread);
  }
  return unread;
}

Json with_own_length(Json files, const Json& tokenizer_config, const std::string& where) {
  const std::int64_t length = sentence_options(files, tokenizer_config, where).max_length;
  if (length == 0) return files;
  const auto there = std::find_if(kTransformer.begin(), kTransformer.end(),
                                  [&](const char* name) { return files.contains(name); });
  files[there == kTransformer.end() ? kTransformer[0] : *there]["max_seq_length"] = length;
  return files;
}

void write_sentence_files(const fs::path& folder, const Json& files) {
  std::vector<std::string> names = names_beside(JsonView(files[kModulesFile], kModulesFile));
  names.emplace_back(kModulesFile);
  for (const std::string& name : names) {
    if (!files.contains(name)) continue;
    const fs::path path = folder / name;
    make_folders(path.parent_path());
    write_text_atomically(path, json_text(files[name]));
  }
}

bool is_sentence_entry(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!fs::is_directory(path)) {
    return name == kModulesFile || name == kPrompts ||
           std::find(kTransformer.begin(), kTransformer.end(), name) != kTransformer.end();
  }
  if (std::isdigit(static_cast<unsigned char>(name[0])) == 0) return false;  // "1_Pooling"
  return std::all_of(fs::directory_iterator(path), fs::directory_iterator(),
                     [](const fs::directory_entry& entry) {
                       return entry.path().filename() == "config.json" && entry.is_regular_file();
                     });
}

}  // namespace espalier::io
