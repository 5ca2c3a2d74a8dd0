#include "io/tokenizer_class.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/text_file.h"
#include "io/tokenizer_settings.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

bool is_of_bert(const std::string& tokenizer_class) {
  for (const char* kin : {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer"})
    if (tokenizer_class.starts_with(kin)) return true;
  return false;
}

// What AutoTokenizer takes where tokenizer_config.json names no class.
std::string class_by_model(const fs::path& folder) {
  if (!fs::exists(folder / "config.json")) return "";
  const Json config = read_json(folder / "config.json");
  const std::string type =
      JsonView(config, (folder / "config.json").string()).get("model_type", std::string());
  if (type == "bert") return "BertTokenizer";
  return type == "distilbert" ? "DistilBertTokenizer" : "";
}

}  // namespace

ClassTokenizer read_class_tokenizer(const fs::path& folder) {
  const fs::path file = folder / "tokenizer.json";
  ClassTokenizer result{read_text_file(file), ""};
  if (result.json.empty())
    throw InputError(fmt::format("{}: the file is empty; download it again", file.string()));
  const TokenizerSettings settings(folder);
  const std::string name = settings.text("tokenizer_class", class_by_model(folder));
  if (!is_of_bert(name)) return result;
  Json document = parse_json(result.json, file.string());
  if (!document.is_object() || !document.contains("normalizer")) return result;
  Json& normalizer = document["normalizer"];
  if (!normalizer.is_object() || normalizer.value("type", Json()) != "BertNormalizer") return result;
  Json strip_accents;
  settings.with("strip_accents", [&](const JsonView& value) { strip_accents = value.as_bool(); });
  const std::array<std::pair<const char*, Json>, 3> rules{
      {{"lowercase", settings.flag("do_lower_case", true)},
       {"strip_accents", strip_accents},
       {"handle_chinese_chars", settings.flag("tokenize_chinese_chars", true)}}};
  std::string changes;
  for (const auto& [key, value] : rules) {
    const Json before = normalizer.value(key, Json());
    if (before == value) continue;
    changes += fmt::format("{}{} {} instead of {}", changes.empty() ? "" : ", ", key, json_text(value, -1),
                           json_text(before, -1));
    normalizer[key] = value;
  }
  if (changes.empty()) return result;
  result.note = fmt::format(
      "{}: {}: so {} of transformers reads it by the keys of tokenizer_config.json (do_lower_case is true "
      "where it is "
      "missing) and so it is read here; the tokenizer's own rules count where tokenizer_class is "
      "PreTrainedTokenizerFast",
      file.string(), changes, name);
  result.json = json_text(document);
  return result;
}

namespace {

// Tokens that the files beside list, by content.
std::set<std::string> listed_tokens(const fs::path& folder, const TokenizerSettings& settings) {
  std::set<std::string> listed;
  settings.with("added_tokens_decoder", [&](const JsonView& added) {
    for (const std::string& id : added.keys()) listed.insert(added[id]["content"].as_string());
  });
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    settings.with(key, [&](const JsonView& names) {
      for (std::size_t i = 0; names.json().is_array() && i < names.size(); ++i)
        listed.insert(TokenizerSettings::content(names.at(i)));
    });
  }
  if (fs::exists(folder / "added_tokens.json")) {
    const Json added = read_json(folder / "added_tokens.json");
    for (const std::string& content : JsonView(added, (folder / "added_tokens.json").string()).keys())
      listed.insert(content);
  }
  return listed;
}

// Which sections are not of the kind that BERT's class has: "normalizer, pre_tokenizer".
std::string unlike_bert(const Json& document) {
  const auto kind = [&](const char* section) {
    const Json value = document.value(section, Json());
    const Json type = value.is_object() ? value.value("type", Json()) : Json();
    return type.is_string() ? type.get<std::string>() : std::string();
  };
  std::string sections;
  const auto note = [&](const char* section, bool like) {
    if (!like) sections += (sections.empty() ? "" : ", ") + std::string(section);
  };
  note("normalizer", kind("normalizer") == "BertNormalizer");
  note("pre_tokenizer", kind("pre_tokenizer") == "BertPreTokenizer");
  note("post_processor",
       kind("post_processor") == "TemplateProcessing" || kind("post_processor") == "BertProcessing");
  return sections;
}

}  // namespace

std::vector<std::string> unfollowed_settings(const fs::path& folder, const std::string& tokenizer_json) {
  std::vector<std::string> notes;
  const TokenizerSettings settings(folder);
  const std::string config = (folder / "tokenizer_config.json").string();
  if (settings.text("truncation_side", "right") == "left") {
    notes.push_back(
        fmt::format("{}: truncation_side: left is not followed: long texts are cut at their end", config));
  }
  const Json document = parse_json(tokenizer_json, (folder / "tokenizer.json").string());
  if (!document.is_object()) return notes;
  std::set<std::string> known;
  for (const Json& token : document.value("added_tokens", Json())) {
    const Json content = token.is_object() ? token.value("content", Json()) : Json();
    if (content.is_string()) known.insert(content.get<std::string>());
  }
  std::string missing;
  for (const std::string& token : listed_tokens(folder, settings)) {
    if (!known.contains(token)) missing += (missing.empty() ? "" : ", ") + token;
  }
  if (!missing.empty()) {
    notes.push_back(
        fmt::format("{}: added tokens that the files beside it list are not in it, and are read as other "
                    "text here: {}; transformers (save_pretrained) writes them into it",
                    (folder / "tokenizer.json").string(), missing));
  }
  const std::string name = settings.text("tokenizer_class", class_by_model(folder));
  const std::string sections = is_of_bert(name) ? unlike_bert(document) : std::string();
  if (!sections.empty()) {
    notes.push_back(
        fmt::format("{}: {} unlike {}'s: read here as it is, as transformers 4 does; version 5 replaces what "
                    "is unlike, unless tokenizer_class is PreTrainedTokenizerFast",
                    (folder / "tokenizer.json").string(), sections, name));
  }
  return notes;
}

}  // namespace espalier::io
