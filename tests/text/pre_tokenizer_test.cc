#include "text/pre_tokenizer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "text/unicode.h"

namespace espalier::text {

namespace {

using Words = std::vector<std::string>;
using Step = PreTokenizerStep;

Words words(const PreTokenizerSpec& spec, const std::string& text) {
  Words result;
  PreTokenizer(spec).for_each_word(text, [&](std::string_view word) { result.emplace_back(word); });
  return result;
}

}  // namespace

TEST_CASE("Whitespace gives the pieces of \\w+|[^\\w\\s]+") {
  const PreTokenizerSpec spec{{Step::kWhitespace}};
  CHECK(words(spec, "Don't stop -- now!! x_1") == Words{"Don", "'", "t", "stop", "--", "now", "!!", "x_1"});
  CHECK(words(spec, " \t\n\v\f\r").empty());
  CHECK(words(spec, "") == Words{});
  CHECK(words(spec, "a\x1C\x1F\x01z") == Words{"a", "\x1C\x1F\x01", "z"});  // U+001C..1F are no white space
  CHECK(words(spec, "\u00E9t\u00E9\u3000\u4E2D\u6587\u3002\u0660\u2167") ==
        Words{"\u00E9t\u00E9", "\u4E2D\u6587", "\u3002", "\u0660\u2167"});
  CHECK(words(spec, "a\u200Db\u0301\u203F\u24B6 \U0001F600\u20AC") ==
        Words{"a\u200Db\u0301\u203F\u24B6", "\U0001F600\u20AC"});
}

TEST_CASE("WhitespaceSplit cuts at white space alone") {
  CHECK(words({{Step::kWhitespaceSplit}}, " a,b\u00A0c\u2028d! ") == Words{"a,b", "c", "d!"});
}

TEST_CASE("BERT isolates every punctuation character") {
  CHECK(words({{Step::kBert}}, "a--b_c $5\u3002\u00AB \u20AC") ==
        Words{"a", "-", "-", "b", "_", "c", "$", "5", "\u3002", "\u00AB", "\u20AC"});
}

TEST_CASE("steps cut the words of the step before; no step leaves the text whole") {
  CHECK(words({{Step::kWhitespaceSplit, Step::kBert, Step::kWhitespace}}, "it's !! so") ==
        Words{"it", "'", "s", "!", "!", "so"});
  CHECK(words({}, " a b ") == Words{" a b "});
  CHECK(words({}, "").empty());
}

TEST_CASE("how many code points each class has, as Hugging Face's tokenizers 0.22 counts them") {
  int word = 0, space = 0, punctuation = 0, mark = 0, nonspacing = 0;
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code == 0xD800) code = 0xE000;
    word += is_word_character(code) ? 1 : 0;
    space += is_white_space(code) ? 1 : 0;
    punctuation += is_bert_punctuation(code) ? 1 : 0;
    mark += is_combining_mark(code) ? 1 : 0;
    nonspacing += is_nonspacing_mark(code) ? 1 : 0;
  }
  CHECK(word == 144'667);
  CHECK(space == 25);
  CHECK(punctuation == 726);
  CHECK(mark == 2097);
  CHECK(nonspacing == 1567);
}

}  // namespace espalier::text
