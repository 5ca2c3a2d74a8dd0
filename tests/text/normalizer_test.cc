#include "text/normalizer.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/support.h"

namespace espalier::text {

namespace {

std::string normalized(const NormalizerSpec& spec, const std::string& text) {
  Normalizer::Buffers buffers;
  return std::string(Normalizer(spec)(text, buffers));
}

}  // namespace

TEST_CASE("crammed BERT's normalizer") {
  const NormalizerSpec spec = crammed_bert_normalizer();
  CHECK(normalized(spec, "Na\u00EFve  ``Caf\u00C9''   ") == "naive \"cafe\" ");
  CHECK(normalized(spec, "\u0130stanbul \u212Aelvin") == "istanbul kelvin");
  // What is not ASCII is deleted, so a no-break space joins; blanks left beside it stay single by order.
  CHECK(normalized(spec, "a\u00A0b \u2014 c") == "ab  c");
  CHECK(normalized(spec, "x\u2260y") == "x=y");
  CHECK(normalized(spec, "'\u0301'") == "''");
  CHECK(normalized(spec, "\u65E5\u672C \U0001F600").size() == 1);
  CHECK(normalized(spec, "").empty());
}

TEST_CASE("a text that no step changes is handed back without a copy") {
  const std::string text = "\u00C9 stays";
  Normalizer::Buffers buffers;
  const Normalizer normalizer({{ReplaceString{"zz", "y"}, ReplaceRegex{" {2,}", " "}}});
  CHECK(normalizer(text, buffers).data() == text.data());
}

TEST_CASE("string replacement goes left to right without overlap") {
  CHECK(normalized({{ReplaceString{"aa", "b"}}}, "aaaaa") == "bba");
  CHECK(normalized({{ReplaceString{"\u00E9", "ee"}}}, "\u00E9x\u00E9") == "eexee");
  CHECK(normalized({{ReplaceString{"a", "aa"}}}, "aba") == "aabaa");
}

TEST_CASE("lower case") {
  CHECK(normalized({{Lowercase{}}}, "AZ\u00C9\u0130\u03A3\u1E9E\u0416z[") ==
        "az\u00E9i\u0307\u03C3\u00DF\u0436z[");
}

TEST_CASE("strip accents removes all marks, BERT only those without width") {
  // U+0301 is Mn, U+0903 Mc, U+20DD Me.
  CHECK(normalized({{StripAccents{}}}, "a\u0301b\u0903c\u20DDd\u00E9") == "abcd\u00E9");
  BertNormalizer bert;
  bert.lowercase = false;
  bert.strip_accents = true;
  CHECK(normalized({{bert}}, "a\u0301b\u0903c\u20DDd\u00E9") == "ab\u0903c\u20DDde");
}

TEST_CASE("each option of BERT's normalizer") {
  BertNormalizer none{false, false, std::nullopt, false};
  CHECK(normalized({{none}}, "\u00C9\t\u4E2D\x01") == "\u00C9\t\u4E2D\x01");
  BertNormalizer clean = none;
  clean.clean_text = true;
  CHECK(normalized({{clean}}, "a\tb\nc\u00A0d\u3000e\x01\u200B\uFFFD\u00ADf\x7F\x0B") == "a b c d ef");
  BertNormalizer cjk = none;
  cjk.handle_chinese_characters = true;
  CHECK(normalized({{cjk}}, "a\u4E2D\u6587b\u3042") == "a \u4E2D  \u6587 b\u3042");
  BertNormalizer lower = none;
  lower.lowercase = true;
  CHECK(normalized({{lower}}, "\u00C9A") == "ea");
  lower.strip_accents = false;
  CHECK(normalized({{lower}}, "\u00C9A") == "\u00E9a");
  CHECK(normalized({{BertNormalizer{}}}, "H\u00E9llo\u4E2D!") == "hello \u4E2D !");
}

TEST_CASE("an empty pattern is refused") {
  CHECK(testing::error_of([] { Normalizer({{ReplaceString{"", "x"}}}); }) == "Replace: the pattern is empty");
}

}  // namespace espalier::text
