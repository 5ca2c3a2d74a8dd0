#include "espalier/io/tokenizer_json.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "espalier/io/json.h"
#include "espalier/io/text_file.h"
#include "tests/support/support.h"

namespace espalier::io {

namespace {

using testing::Ids;

// A small valid document; `{}` parts are replaced by tests.
Json valid() {
  return parse_json(tokenizer_json(text::crammed_bert_tokenizer([] {
                      std::vector<std::string> vocabulary = text::crammed_bert_special_tokens();
                      vocabulary.insert(vocabulary.end(), {"a", "b", "##b"});
                      return vocabulary;
                    }())),
                    "valid");
}

std::string error_of_document(const Json& json) {
  return testing::error_of([&] { parse_tokenizer(json_text(json), "t.json"); });
}

Ids ids_of(const Json& list) {
  return list.get<Ids>();
}

}  // namespace

TEST_CASE("equals Hugging Face's library on hard strings: ids, tokens and decoded text") {
  const text::Tokenizer tokenizer = read_tokenizer(testing::golden_path("tokenizer.json"));
  const Json golden = read_json(testing::golden_path("tokenizer_strings.json"));
  int pairs = 0;
  for (const Json& row : golden["strings"]) {
    const std::string text = row["text"].get<std::string>();
    CAPTURE(text);
    std::optional<std::string> pair;
    if (row.contains("pair")) pair = row["pair"].get<std::string>();
    pairs += pair ? 1 : 0;
    const Ids ids = tokenizer.encode_with_types(text, pair).ids;
    CHECK(ids == ids_of(row["ids"]));
    std::vector<std::string> tokens;
    for (const std::int32_t id : ids) tokens.emplace_back(tokenizer.token(id));
    CHECK(tokens == row["tokens"].get<std::vector<std::string>>());
    CHECK(tokenizer.decode(ids, true) == row["decoded"].get<std::string>());
    CHECK(tokenizer.decode(ids, false) == row["decoded_with_special"].get<std::string>());
    CHECK(text::Tokenizer::clean_up(tokenizer.decode(ids, true)) == row["cleaned"].get<std::string>());
  }
  CHECK(golden["strings"].size() > 400);
  CHECK(pairs > 5);
}

TEST_CASE("Hugging Face's file is written back as it was") {
  const std::string text = read_text_file(testing::golden_path("tokenizer.json"));
  const bool same = tokenizer_json(parse_tokenizer_json(text, "golden")) == text + "\n";
  CHECK(same);
}

TEST_CASE("every part survives writing and reading") {
  Json json = valid();
  json["normalizer"] = Json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]}, {"type": "NFKD"}, {"type": "NFD"},
      {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "_"},
      {"type": "Replace", "pattern": {"String": "x"}, "content": "y"}, {"type": "Lowercase"}, {"type": "StripAccents"},
      {"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false, "strip_accents": true, "lowercase": false},
      {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}]})");
  json["pre_tokenizer"] = Json::parse(R"({"type": "Sequence", "pretokenizers": [
      {"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}, {"type": "Whitespace"}]})");
  json["added_tokens"].push_back(
      Json::parse(R"({"id": 10, "content": "new", "single_word": true, "lstrip": true,
      "rstrip": true, "normalized": true, "special": false})"));
  json["decoder"] = Json::parse(R"({"type": "WordPiece", "prefix": "@", "cleanup": false})");
  json["model"]["max_input_chars_per_word"] = 7;
  const text::TokenizerModel model = parse_tokenizer_json(json_text(json), "t.json");
  CHECK(model.normalizer.steps.size() == 10);
  CHECK(model.pre_tokenizer.steps.size() == 3);
  CHECK(model.max_word_characters == 7);
  const Json written = parse_json(tokenizer_json(model), "written");
  for (const char* key : {"added_tokens", "pre_tokenizer", "post_processor", "decoder", "model"}) {
    CAPTURE(key);
    CHECK(written[key] == json[key]);
  }
  // Nested sequences are flattened, nothing else changes.
  CHECK(written["normalizer"]["normalizers"].size() == 10);
  CHECK(parse_json(tokenizer_json(parse_tokenizer_json(json_text(written), "")), "") == written);
}

TEST_CASE("absent parts do nothing, single steps stand alone") {
  Json json = valid();
  for (const char* key : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) json[key] = nullptr;
  const text::Tokenizer tokenizer = parse_tokenizer(json_text(json), "t.json");
  const text::Encoding encoding = tokenizer.encode_with_types("ab", "a");
  CHECK(encoding.ids == Ids{7, 9, 7});
  CHECK(encoding.type_ids == Ids{0, 0, 1});
  CHECK(tokenizer.decode(encoding.ids, true) == "a ##b a");
  CHECK(parse_json(tokenizer_json(tokenizer.model()), "") == json);
  json["normalizer"] = Json{{"type", "Lowercase"}};
  CHECK(parse_json(tokenizer_json(parse_tokenizer_json(json_text(json), "")), "")["normalizer"] ==
        json["normalizer"]);
}

TEST_CASE("BertProcessing is read as its template") {
  Json json = valid();
  json["post_processor"] =
      Json::parse(R"({"type": "BertProcessing", "sep": ["<sep>", 5], "cls": ["<cls>", 4]})");
  const text::Tokenizer tokenizer = parse_tokenizer(json_text(json), "t.json");
  CHECK(tokenizer.encode_with_types("a").ids == Ids{4, 7, 5});
  const text::Encoding pair = tokenizer.encode_with_types("a", "b");
  CHECK(pair.ids == Ids{4, 7, 5, 8, 5});
  CHECK(pair.type_ids == Ids{0, 0, 0, 1, 1});
}

TEST_CASE("a file from before models had a type is read") {
  Json json = valid();
  json["model"].erase("type");
  CHECK(parse_tokenizer(json_text(json), "t.json").vocabulary_size() == 10);
}

TEST_CASE("parts that are not supported are named with their place") {
  const auto with = [](const char* pointer, const char* value) {
    Json json = valid();
    json[Json::json_pointer(pointer)] = Json::parse(value);
    return error_of_document(json);
  };
  CHECK(with("/model/type", R"("BPE")") ==
        "t.json: model.type: \"BPE\" is not supported; known are WordPiece");
  CHECK(with("/normalizer/normalizers/2", R"({"type": "Precompiled"})") ==
        "t.json: normalizer.normalizers[2].type: \"Precompiled\" is not supported; known are Sequence, "
        "Replace, NFC, "
        "NFD, NFKC, NFKD, Lowercase, StripAccents and BertNormalizer");
  CHECK(with("/pre_tokenizer", R"({"type": "ByteLevel"})") ==
        "t.json: pre_tokenizer.type: \"ByteLevel\" is not supported; known are Sequence, Whitespace, "
        "WhitespaceSplit "
        "and BertPreTokenizer");
  CHECK(
      with("/post_processor/type", R"("RobertaProcessing")").find("TemplateProcessing and BertProcessing") !=
      std::string::npos);
  CHECK(with("/decoder/type", R"("Metaspace")") ==
        "t.json: decoder.type: \"Metaspace\" is not supported; known are WordPiece");
  CHECK(with("/normalizer/normalizers/5/pattern/Regex", R"("a|b")")
            .starts_with("t.json: Replace: the regular expression \"a|b\" is not supported"));
}

TEST_CASE("wrong values are named with their place") {
  const auto with = [](const char* pointer, const char* value) {
    Json json = valid();
    json[Json::json_pointer(pointer)] = Json::parse(value);
    return error_of_document(json);
  };
  CHECK(with("/model/vocab/b", "4000000000") ==
        "t.json: model.vocab: the token \"b\" has id 4000000000, but ids of 10 tokens must be 0 to 9 without "
        "gaps");
  CHECK(with("/model/vocab/b", "7") == "t.json: model.vocab: the token \"b\" has id 7, as has \"a\"");
  CHECK(with("/model/vocab/b", "-1") ==
        "t.json: model.vocab: the token \"b\" has an id that is not a whole number of at least 0");
  CHECK(with("/model/unk_token", R"("[UNK]")")
            .starts_with("t.json: tokenizer: the unknown token \"[UNK]\" is not among the 10 tokens"));
  CHECK(with("/model/vocab", "[]") == "t.json: model.vocab: expected an object, found an array");
  CHECK(with("/model", "null") == "t.json: the key \"model\" is missing");
  CHECK(with("/added_tokens/3/id", "2") ==
        "t.json: tokenizer: special token \"<unk>\" with id 2: the vocabulary has it as 3");
  CHECK(with("/added_tokens/3/id", "1.5") ==
        "t.json: added_tokens[3].id: expected a whole number, found 1.5");
  CHECK(with("/post_processor/special_tokens", "{}") ==
        "t.json: post_processor.single[1].SpecialToken.id: \"<sep>\" is not among the special_tokens");
  CHECK(with("/post_processor/single/0/Sequence/id", R"("C")") ==
        "t.json: post_processor.single[0].Sequence.id: expected \"A\" or \"B\", found \"C\"");
  CHECK(with("/post_processor/special_tokens/<sep>/ids/0", "10") ==
        "t.json: tokenizer: the template for single texts inserts <sep> as id 10, but ids end at 9");
  CHECK(
      testing::error_of([] { parse_tokenizer_json("{", "t.json"); }).starts_with("t.json: line 1, column "));
}

TEST_CASE("a large vocabulary is read and written without looking every token up") {
  std::vector<std::string> vocabulary = text::crammed_bert_special_tokens();
  for (int i = 0; i < 200'000; ++i) vocabulary.push_back("token" + std::to_string(i));
  const text::Tokenizer tokenizer =
      parse_tokenizer(tokenizer_json(text::crammed_bert_tokenizer(std::move(vocabulary))), "large");
  CHECK(tokenizer.find("token199999") == 200'006);
}

}  // namespace espalier::io
