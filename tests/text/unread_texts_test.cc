#include "espalier/text/unread_texts.h"

#include <doctest/doctest.h>

namespace espalier::text {

namespace {

Tokenizer letters_tokenizer(const NormalizerSpec& normalizer) {
  std::vector<std::string> vocabulary = crammed_bert_special_tokens();
  for (char c = 'a'; c <= 'z'; ++c) {
    vocabulary.emplace_back(1, c);
    vocabulary.push_back("##" + std::string(1, c));
  }
  TokenizerModel model = crammed_bert_tokenizer(vocabulary);
  model.normalizer = normalizer;
  return Tokenizer(model);
}

}  // namespace

TEST_CASE("texts whose letters are deleted or unknown are counted and the first is shown") {
  for (const NormalizerSpec& normalizer : {crammed_bert_normalizer(), NormalizerSpec{{BertNormalizer{}}}}) {
    UnreadTexts unread{letters_tokenizer(normalizer)};
    for (const char* text : {"plain words", "naïve café", "a word of Привет here", "— … € a", "", " \t"})
      unread.add(text);
    CHECK(unread.count() == 0);
    CHECK(unread.warning().empty());
    unread.add("Привет, мир!");
    unread.add("中文");
    CHECK(unread.count() == 2);
    CHECK(unread.warning().starts_with(
        "2 of 8 texts lose nine tenths of their letters or more in the tokenizer, as \"Привет, мир!\": "));
  }
}

TEST_CASE("texts of symbols alone, of which nothing is left, are told apart from those with letters") {
  UnreadTexts crammed{letters_tokenizer(crammed_bert_normalizer())};
  for (const char* text : {"😀 😀", "€", "a €", ""}) crammed.add(text);
  CHECK(crammed.count() == 0);
  CHECK(crammed.warning().starts_with("2 of 4 texts vanish in the tokenizer, as \"😀 😀\": "));
  crammed.add("Привет");
  CHECK(crammed.warning().find("vanish in the tokenizer") != std::string::npos);
  CHECK(crammed.warning().find("1 of 5 texts lose nine tenths") != std::string::npos);
  // Unknown is still something.
  UnreadTexts bert{letters_tokenizer(NormalizerSpec{{BertNormalizer{}}})};
  bert.add("😀");
  CHECK(bert.warning().empty());
}

TEST_CASE("the beginning of a long text is cut between characters") {
  UnreadTexts unread{letters_tokenizer(crammed_bert_normalizer())};
  unread.add("a" + [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "б";
    return text;
  }());
  CHECK(unread.warning().find("a" + std::string("бббббббббббббббббббббббббббббб")) == std::string::npos);
  CHECK(unread.warning().find("ббб...\"") != std::string::npos);
}

}  // namespace espalier::text
