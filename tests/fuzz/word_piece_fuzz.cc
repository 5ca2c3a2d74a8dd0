// Encoding and decoding of any bytes, by tokenizers with each kind of normalizer and pre-tokenizer.
#include <vector>

#include "espalier/base/error.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

text::Tokenizer tokenizer(const std::string& normalizer, const std::string& pre_tokenizer) {
  return io::parse_tokenizer(
      R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
        {"id": 0, "content": "<pad>", "special": true}, {"id": 1, "content": "<unk>", "special": true},
        {"id": 2, "content": "<mask>", "special": true}],
        "normalizer": )" +
          normalizer + R"(, "pre_tokenizer": )" + pre_tokenizer +
          R"(, "post_processor": null, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
          "max_input_chars_per_word": 100, "vocab": {"<pad>": 0, "<unk>": 1, "<mask>": 2, "a": 3, "##a": 4, "b": 5,
          "##b": 6, "the": 7, "##re": 8, "e": 9, "##e": 10, ".": 11, "é": 12, "中": 13, "-": 14}}})",
      "tokenizer.json");
}

const std::vector<text::Tokenizer>& tokenizers() {
  static const std::vector<text::Tokenizer> all = {
      tokenizer(
          R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                    "lowercase": true})",
          R"({"type": "BertPreTokenizer"})"),
      tokenizer(
          R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"},
                    {"type": "Replace", "pattern": {"Regex": "[^a-z.-]+"}, "content": " "}]})",
          R"({"type": "Whitespace"})"),
      tokenizer(R"({"type": "Sequence", "normalizers": [{"type": "NFKC"}]})",
                R"({"type": "BertPreTokenizer"})"),
      tokenizer(R"({"type": "NFC"})", R"({"type": "Whitespace"})")};
  return all;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, tokenizers().size());
  const text::Tokenizer& tokenizer = tokenizers()[choice.variant];
  const std::vector<std::int32_t> ids = tokenizer.encode(choice.rest);
  for (const std::int32_t id : ids) ESPALIER_CHECK(id >= 0 && id < tokenizer.vocabulary_size());
  const std::string decoded = tokenizer.decode(ids, false);
  text::Tokenizer::clean_up(decoded);
  tokenizer.words(choice.rest);
  // What was decoded is encodable again, whatever it was made of.
  tokenizer.encode(decoded);
}
