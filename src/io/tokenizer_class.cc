#include "io/tokenizer_class.h"

#include <fmt/format.h>

#include <array>
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
    changes +=
        fmt::format("{}{} {} instead of {}", changes.empty() ? "" : ", ", key, value.dump(), before.dump());
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

}  // namespace espalier::io
