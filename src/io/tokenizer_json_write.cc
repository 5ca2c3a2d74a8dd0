// Writes what tokenizer_json.cc reads.
#include <map>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/tokenizer_json.h"

namespace espalier::io {

namespace {

using text::Template;
using text::TemplatePiece;

Json type_only(const char* type) {
  return Json{{"type", type}};
}

struct NormalizerWriter {
  Json operator()(const text::ReplaceString& step) const {
    return replace("String", step.pattern, step.content);
  }
  Json operator()(const text::ReplaceRegex& step) const {
    return replace("Regex", step.pattern, step.content);
  }
  Json operator()(text::UnicodeForm form) const {
    switch (form) {
      case text::UnicodeForm::kNfd:
        return type_only("NFD");
      case text::UnicodeForm::kNfc:
        return type_only("NFC");
      case text::UnicodeForm::kNfkd:
        return type_only("NFKD");
      case text::UnicodeForm::kNfkc:
        return type_only("NFKC");
    }
    ESPALIER_CHECK(false);
    return {};
  }
  Json operator()(const text::Lowercase& /*step*/) const { return type_only("Lowercase"); }
  Json operator()(const text::StripAccents& /*step*/) const { return type_only("StripAccents"); }
  Json operator()(const text::BertNormalizer& step) const {
    return {{"type", "BertNormalizer"},
            {"clean_text", step.clean_text},
            {"handle_chinese_chars", step.handle_chinese_characters},
            {"strip_accents", step.strip_accents ? Json(*step.strip_accents) : Json()},
            {"lowercase", step.lowercase}};
  }

  static Json replace(const char* kind, const std::string& pattern, const std::string& content) {
    Json json = type_only("Replace");
    json["pattern"] = Json::object({{kind, pattern}});
    json["content"] = content;
    return json;
  }
};

// Nothing, the one step, or a Sequence of them.
Json sequence_of(Json steps, const char* key) {
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return steps[0];
  Json json = type_only("Sequence");
  json[key] = std::move(steps);
  return json;
}

Json normalizer_json(const text::NormalizerSpec& spec) {
  Json steps = Json::array();
  for (const text::NormalizerStep& step : spec.steps) steps.push_back(std::visit(NormalizerWriter(), step));
  return sequence_of(std::move(steps), "normalizers");
}

Json pre_tokenizer_json(const text::PreTokenizerSpec& spec) {
  Json steps = Json::array();
  for (const text::PreTokenizerStep step : spec.steps) {
    steps.push_back(type_only(step == text::PreTokenizerStep::kWhitespace        ? "Whitespace"
                              : step == text::PreTokenizerStep::kWhitespaceSplit ? "WhitespaceSplit"
                                                                                 : "BertPreTokenizer"));
  }
  return sequence_of(std::move(steps), "pretokenizers");
}

Json added_tokens_json(const text::TokenizerModel& model) {
  Json tokens = Json::array();
  for (const text::SpecialToken& token : model.special_tokens) {
    tokens.push_back({{"id", token.id},
                      {"content", token.content},
                      {"single_word", token.single_word},
                      {"lstrip", token.lstrip},
                      {"rstrip", token.rstrip},
                      {"normalized", token.normalized},
                      {"special", token.special}});
  }
  return tokens;
}

Json template_json(const Template& pieces) {
  Json result = Json::array();
  for (const TemplatePiece& piece : pieces.pieces) {
    const bool is_token = piece.kind == TemplatePiece::Kind::kTokens;
    const char* sequence = piece.kind == TemplatePiece::Kind::kSequenceA ? "A" : "B";
    Json body = {{"id", is_token ? piece.name : sequence}, {"type_id", piece.type_id}};
    result.push_back(Json::object({{is_token ? "SpecialToken" : "Sequence", std::move(body)}}));
  }
  return result;
}

std::string token_text(const text::TokenizerModel& model, std::int32_t id) {
  const auto index = static_cast<std::size_t>(id);
  if (index < model.vocabulary.size()) return model.vocabulary[index];
  for (const text::SpecialToken& token : model.special_tokens) {
    if (token.id == id) return token.content;
  }
  throw InputError("tokenizer: a template inserts the id " + std::to_string(id) + ", which is no token");
}

// By name, as Hugging Face sorts them.
using TemplateTokens = std::map<std::string, Json>;

void add_template_tokens(const text::TokenizerModel& model, const Template& pieces, TemplateTokens& tokens) {
  for (const TemplatePiece& piece : pieces.pieces) {
    if (piece.kind != TemplatePiece::Kind::kTokens) continue;
    Json texts = Json::array();
    for (const std::int32_t id : piece.ids) texts.push_back(token_text(model, id));
    tokens[piece.name] = Json{{"id", piece.name}, {"ids", piece.ids}, {"tokens", std::move(texts)}};
  }
}

// Sequence A of type 0 and sequence B of type 1: what no post-processor at all does.
bool adds_nothing(const text::TokenizerModel& model) {
  const auto is = [](const TemplatePiece& piece, TemplatePiece::Kind kind, std::int32_t type_id) {
    return piece.kind == kind && piece.type_id == type_id;
  };
  const auto& single = model.single.pieces;
  const auto& pair = model.pair.pieces;
  return single.size() == 1 && is(single[0], TemplatePiece::Kind::kSequenceA, 0) && pair.size() == 2 &&
         is(pair[0], TemplatePiece::Kind::kSequenceA, 0) && is(pair[1], TemplatePiece::Kind::kSequenceB, 1);
}

Json post_processor_json(const text::TokenizerModel& model) {
  if (adds_nothing(model)) return nullptr;
  Json json = type_only("TemplateProcessing");
  json["single"] = template_json(model.single);
  json["pair"] = template_json(model.pair);
  TemplateTokens tokens;
  add_template_tokens(model, model.single, tokens);
  add_template_tokens(model, model.pair, tokens);
  json["special_tokens"] = tokens;
  return json;
}

Json model_json(const text::TokenizerModel& model) {
  Json json = type_only("WordPiece");
  json["unk_token"] = model.unknown_token;
  json["continuing_subword_prefix"] = model.continuation_prefix;
  json["max_input_chars_per_word"] = model.max_word_characters;
  Json& vocabulary = json["vocab"] = Json::object();
  // Appended to the underlying list: json[key] looks every key up first, which is quadratic.
  std::vector<std::pair<const std::string, Json>>& members = vocabulary.get_ref<Json::object_t&>();
  members.reserve(model.vocabulary.size());
  for (std::size_t id = 0; id < model.vocabulary.size(); ++id) members.emplace_back(model.vocabulary[id], id);
  return json;
}

}  // namespace

std::string tokenizer_json(const text::TokenizerModel& model) {
  Json json;
  json["version"] = "1.0";
  json["truncation"] = nullptr;
  json["padding"] = nullptr;
  json["added_tokens"] = added_tokens_json(model);
  json["normalizer"] = normalizer_json(model.normalizer);
  json["pre_tokenizer"] = pre_tokenizer_json(model.pre_tokenizer);
  json["post_processor"] = post_processor_json(model);
  json["decoder"] = nullptr;
  if (model.decoder) {
    json["decoder"] = {
        {"type", "WordPiece"}, {"prefix", model.decoder->prefix}, {"cleanup", model.decoder->cleanup}};
  }
  json["model"] = model_json(model);
  return json_text(json);
}

}  // namespace espalier::io
