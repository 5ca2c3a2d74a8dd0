#include "espalier/io/tokenizer_json.h"

#include <fmt/format.h>

#include <limits>
#include <map>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/text_file.h"

namespace espalier::io {

namespace {

using text::Template;
using text::TemplatePiece;

constexpr std::int64_t kMaxId = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void fail_type(const JsonView& part, const std::string& type, const char* known) {
  part["type"].fail(fmt::format("\"{}\" is not supported; known are {}", type, known));
}

void read_normalizer(const JsonView& part, text::NormalizerSpec& spec) {
  const std::string& type = part["type"].as_string();
  if (type == "Sequence") {
    const JsonView parts = part["normalizers"];
    for (std::size_t i = 0; i < parts.size(); ++i) read_normalizer(parts.at(i), spec);
  } else if (type == "Replace") {
    const JsonView pattern = part["pattern"];
    const std::string& content = part["content"].as_string();
    if (pattern.has("String")) {
      spec.steps.emplace_back(text::ReplaceString{pattern["String"].as_string(), content});
    } else {
      spec.steps.emplace_back(text::ReplaceRegex{pattern["Regex"].as_string(), content});
    }
  } else if (type == "NFD") {
    spec.steps.emplace_back(text::UnicodeForm::kNfd);
  } else if (type == "NFC") {
    spec.steps.emplace_back(text::UnicodeForm::kNfc);
  } else if (type == "NFKD") {
    spec.steps.emplace_back(text::UnicodeForm::kNfkd);
  } else if (type == "NFKC") {
    spec.steps.emplace_back(text::UnicodeForm::kNfkc);
  } else if (type == "Lowercase") {
    spec.steps.emplace_back(text::Lowercase{});
  } else if (type == "StripAccents") {
    spec.steps.emplace_back(text::StripAccents{});
  } else if (type == "BertNormalizer") {
    text::BertNormalizer bert;
    bert.clean_text = part.get("clean_text", bert.clean_text);
    bert.handle_chinese_characters = part.get("handle_chinese_chars", bert.handle_chinese_characters);
    if (part.has("strip_accents")) bert.strip_accents = part["strip_accents"].as_bool();
    bert.lowercase = part.get("lowercase", bert.lowercase);
    spec.steps.emplace_back(bert);
  } else {
    fail_type(part, type,
              "Sequence, Replace, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents and BertNormalizer");
  }
}

void read_pre_tokenizer(const JsonView& part, text::PreTokenizerSpec& spec) {
  const std::string& type = part["type"].as_string();
  if (type == "Sequence") {
    const JsonView parts = part["pretokenizers"];
    for (std::size_t i = 0; i < parts.size(); ++i) read_pre_tokenizer(parts.at(i), spec);
  } else if (type == "Whitespace") {
    spec.steps.push_back(text::PreTokenizerStep::kWhitespace);
  } else if (type == "WhitespaceSplit") {
    spec.steps.push_back(text::PreTokenizerStep::kWhitespaceSplit);
  } else if (type == "BertPreTokenizer") {
    spec.steps.push_back(text::PreTokenizerStep::kBert);
  } else {
    fail_type(part, type, "Sequence, Whitespace, WhitespaceSplit and BertPreTokenizer");
  }
}

// Ids must be 0 .. size - 1, each once. A look-up by key would be linear, so this walks the object.
void read_vocabulary(const JsonView& part, std::vector<std::string>& vocabulary) {
  part.expect_object();
  const auto& members = part.json().get_ref<const Json::object_t&>();
  vocabulary.resize(members.size());
  std::vector<char> taken(members.size(), 0);
  for (const auto& [token, value] : members) {
    const auto fail = [&, &key = token](const std::string& why) {
      part.fail(fmt::format("the token \"{}\" {}", key, why));
    };
    if (!value.is_number_unsigned()) fail("has an id that is not a whole number of at least 0");
    const auto id = value.get<std::uint64_t>();
    if (id >= members.size()) {
      fail(fmt::format("has id {}, but ids of {} tokens must be 0 to {} without gaps", id, members.size(),
                       members.size() - 1));
    }
    if (taken[id] != 0) fail(fmt::format("has id {}, as has \"{}\"", id, vocabulary[id]));
    taken[id] = 1;
    vocabulary[id] = token;
  }
}

void read_word_piece(const JsonView& part, text::TokenizerModel& model) {
  const std::string type = part.get("type", "WordPiece");  // old files have no type
  if (type != "WordPiece") fail_type(part, type, "WordPiece");
  model.unknown_token = part["unk_token"].as_string();
  model.continuation_prefix = part["continuing_subword_prefix"].as_string();
  model.max_word_characters = static_cast<int>(part["max_input_chars_per_word"].as_int(0, kMaxId));
  read_vocabulary(part["vocab"], model.vocabulary);
}

void read_added_tokens(const JsonView& tokens, std::vector<text::SpecialToken>& special_tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const JsonView token = tokens.at(i);
    text::SpecialToken special;
    special.id = static_cast<std::int32_t>(token["id"].as_int(0, kMaxId));
    special.content = token["content"].as_string();
    special.special = token.get("special", special.special);
    special.single_word = token.get("single_word", special.single_word);
    special.lstrip = token.get("lstrip", special.lstrip);
    special.rstrip = token.get("rstrip", special.rstrip);
    special.normalized = token.get("normalized", !special.special);
    special_tokens.push_back(std::move(special));
  }
}

TemplatePiece sequence_piece(TemplatePiece::Kind kind, std::int32_t type_id) {
  TemplatePiece piece;
  piece.kind = kind;
  piece.type_id = type_id;
  return piece;
}

TemplatePiece token_piece(std::string name, std::vector<std::int32_t> ids, std::int32_t type_id) {
  return {TemplatePiece::Kind::kTokens, std::move(name), std::move(ids), type_id};
}

using TokenIds = std::map<std::string, std::vector<std::int32_t>, std::less<>>;

TokenIds read_template_tokens(const JsonView& part) {
  TokenIds tokens;
  for (const std::string& name : part.keys()) {
    const JsonView ids = part[name]["ids"];
    std::vector<std::int32_t>& list = tokens[name];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      list.push_back(static_cast<std::int32_t>(ids.at(i).as_int(0, kMaxId)));
    }
  }
  return tokens;
}

TemplatePiece read_piece(const JsonView& piece, const TokenIds& tokens) {
  const bool is_token = piece.has("SpecialToken");
  const JsonView body = piece[is_token ? "SpecialToken" : "Sequence"];
  const std::string& id = body["id"].as_string();
  const auto type_id = static_cast<std::int32_t>(body["type_id"].as_int(0, kMaxId));
  if (is_token) {
    const auto found = tokens.find(id);
    if (found == tokens.end()) body["id"].fail(fmt::format("\"{}\" is not among the special_tokens", id));
    return token_piece(id, found->second, type_id);
  }
  if (id != "A" && id != "B") body["id"].fail(fmt::format("expected \"A\" or \"B\", found \"{}\"", id));
  return sequence_piece(id == "A" ? TemplatePiece::Kind::kSequenceA : TemplatePiece::Kind::kSequenceB,
                        type_id);
}

Template read_template(const JsonView& pieces, const TokenIds& tokens) {
  Template result;
  for (std::size_t i = 0; i < pieces.size(); ++i) result.pieces.push_back(read_piece(pieces.at(i), tokens));
  return result;
}

// ["[SEP]", 102]
TemplatePiece read_bert_token(const JsonView& pair, std::int32_t type_id) {
  const auto id = static_cast<std::int32_t>(pair.at(1).as_int(0, kMaxId));
  return token_piece(pair.at(0).as_string(), {id}, type_id);
}

void read_post_processor(const JsonView& part, text::TokenizerModel& model) {
  using Kind = TemplatePiece::Kind;
  const std::string& type = part["type"].as_string();
  if (type == "TemplateProcessing") {
    const TokenIds tokens = read_template_tokens(part["special_tokens"]);
    model.single = read_template(part["single"], tokens);
    model.pair = read_template(part["pair"], tokens);
  } else if (type == "BertProcessing") {
    const TemplatePiece cls = read_bert_token(part["cls"], 0);
    const TemplatePiece sep = read_bert_token(part["sep"], 0);
    const TemplatePiece last = read_bert_token(part["sep"], 1);
    model.single = {{cls, sequence_piece(Kind::kSequenceA, 0), sep}};
    model.pair = {{cls, sequence_piece(Kind::kSequenceA, 0), sep, sequence_piece(Kind::kSequenceB, 1), last}};
  } else {
    fail_type(part, type, "TemplateProcessing and BertProcessing");
  }
}

text::WordPieceDecoder read_decoder(const JsonView& part) {
  const std::string& type = part["type"].as_string();
  if (type != "WordPiece") fail_type(part, type, "WordPiece");
  text::WordPieceDecoder decoder;
  decoder.prefix = part.get("prefix", decoder.prefix);
  decoder.cleanup = part.get("cleanup", decoder.cleanup);
  return decoder;
}

bool lower_cases(const text::NormalizerStep& step) {
  const auto* bert = std::get_if<text::BertNormalizer>(&step);
  return std::holds_alternative<text::Lowercase>(step) || (bert != nullptr && bert->lowercase);
}

}  // namespace

text::TokenizerModel parse_tokenizer_json(std::string_view json, const std::string& where) {
  const Json document = parse_json(json, where);
  const JsonView root(document, where);
  text::TokenizerModel model;
  read_word_piece(root["model"], model);
  if (root.has("normalizer")) read_normalizer(root["normalizer"], model.normalizer);
  if (root.has("pre_tokenizer")) read_pre_tokenizer(root["pre_tokenizer"], model.pre_tokenizer);
  if (root.has("added_tokens")) read_added_tokens(root["added_tokens"], model.special_tokens);
  if (root.has("post_processor")) {
    read_post_processor(root["post_processor"], model);
  } else {
    const TemplatePiece a = sequence_piece(TemplatePiece::Kind::kSequenceA, 0);
    model.single = {{a}};
    model.pair = {{a, sequence_piece(TemplatePiece::Kind::kSequenceB, 1)}};
  }
  if (root.has("decoder")) model.decoder = read_decoder(root["decoder"]);
  return model;
}

namespace {

Json templates_of(std::string_view json, const std::string& where) {
  const Json document = parse_json(std::string(json), where);
  const Json processor = document.is_object() ? document.value("post_processor", Json()) : Json();
  return processor.is_object() && processor.value("type", Json()) == "TemplateProcessing" ? processor
                                                                                          : Json();
}

}  // namespace

Json single_template(std::string_view json, const std::string& where) {
  const Json processor = templates_of(json, where);
  return processor.is_null() ? Json() : processor.value("single", Json());
}

Json empty_pair_template(std::string_view json, const std::string& where) {
  const Json processor = templates_of(json, where);
  if (processor.is_null() || !processor.value("pair", Json()).is_array()) return {};
  Json pieces = Json::array();
  for (const Json& piece : processor["pair"]) {
    if (!piece.contains("Sequence") || piece["Sequence"].value("id", Json()) != "B") pieces.push_back(piece);
  }
  return pieces;
}

std::string with_single_template(std::string json, const Json& pieces, const std::string& where) {
  if (templates_of(json, where).is_null()) return json;
  Json document = parse_json(json, where);
  document["post_processor"]["single"] = pieces;
  return json_text(document);
}

std::string with_lower_case(std::string json, const std::string& where) {
  const std::vector<text::NormalizerStep> steps = parse_tokenizer_json(json, where).normalizer.steps;
  if (std::any_of(steps.begin(), steps.end(), lower_cases)) return json;
  Json document = parse_json(json, where);
  Json normalizers = Json::array({{{"type", "Lowercase"}}});
  if (JsonView(document, where).has("normalizer")) normalizers.push_back(document["normalizer"]);
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}};
  return json_text(document);
}

text::Tokenizer parse_tokenizer(std::string_view json, const std::string& where) {
  text::TokenizerModel model = parse_tokenizer_json(json, where);
  try {
    return text::Tokenizer(std::move(model));
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", where, error.what()));
  }
}

text::Tokenizer read_tokenizer(const std::filesystem::path& path) {
  return parse_tokenizer(read_text_file(path), path.string());
}

}  // namespace espalier::io
