#include "text/unicode_form.h"

#include <doctest/doctest.h>

#include <string>

namespace espalier::text {

namespace {

std::string form_of(UnicodeForm form, const std::string& text) {
  std::string out = "untouched";
  return apply_unicode_form(form, text, out) ? out : text;
}

}  // namespace

TEST_CASE("the four forms of well-known strings") {
  struct Case {
    std::string text, nfd, nfc, nfkd, nfkc;
  };
  const Case cases[] = {
      {"caf\u00E9 e\u0301", "cafe\u0301 e\u0301", "caf\u00E9 \u00E9", "cafe\u0301 e\u0301",
       "caf\u00E9 \u00E9"},
      {"\uFB01x\u00B2", "\uFB01x\u00B2", "\uFB01x\u00B2", "fix2", "fix2"},
      {"\u212B", "A\u030A", "\u00C5", "A\u030A", "\u00C5"},
      {"\uD4DB", "\u1111\u1171\u11B6", "\uD4DB", "\u1111\u1171\u11B6", "\uD4DB"},
      {"\u1111\u1171\u11B6", "\u1111\u1171\u11B6", "\uD4DB", "\u1111\u1171\u11B6", "\uD4DB"},
      // U+0958 is excluded from composition; marks are put in the order of their classes (230 after 220).
      {"\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C"},
      {"q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307"},
      {"1\u2260<\u0338", "1=\u0338<\u0338", "1\u2260\u226E", "1=\u0338<\u0338", "1\u2260\u226E"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(form_of(UnicodeForm::kNfd, c.text) == c.nfd);
    CHECK(form_of(UnicodeForm::kNfc, c.text) == c.nfc);
    CHECK(form_of(UnicodeForm::kNfkd, c.text) == c.nfkd);
    CHECK(form_of(UnicodeForm::kNfkc, c.text) == c.nfkc);
  }
}

TEST_CASE("a syllable does not swallow U+11A7, which is no trailing consonant") {
  CHECK(form_of(UnicodeForm::kNfc, "\u1111\u116D\u11A7\u0301") == "\uD45C\u11A7\u0301");
}

TEST_CASE("marks that Hugging Face's tables do not know count as letters") {
  // U+09FE (Unicode 11, class 230) is left where it stands, and what follows does not compose over it.
  CHECK(form_of(UnicodeForm::kNfd, "a\u09FE\u0323") == "a\u09FE\u0323");
  CHECK(form_of(UnicodeForm::kNfc, "a\u09FE\u0301") == "a\u09FE\u0301");
}

TEST_CASE("ASCII is reported as unchanged and not written") {
  std::string out = "kept";
  for (const UnicodeForm form :
       {UnicodeForm::kNfd, UnicodeForm::kNfc, UnicodeForm::kNfkd, UnicodeForm::kNfkc}) {
    CHECK_FALSE(apply_unicode_form(form, "plain text, \x7F\x01", out));
    CHECK_FALSE(apply_unicode_form(form, "", out));
  }
  CHECK(out == "kept");
}

TEST_CASE("a long sequence of unordered marks is sorted, by class and stably") {
  // Alternating classes 230 and 220: quadratic sorting would need minutes for these.
  std::string text = "a";
  std::string expected = "a";
  constexpr int kPairs = 200'000;
  for (int i = 0; i < kPairs; ++i) text += "\u0300\u0323";
  for (int i = 0; i < kPairs; ++i) expected += "\u0323";
  for (int i = 0; i < kPairs; ++i) expected += "\u0300";
  CHECK(form_of(UnicodeForm::kNfd, text) == expected);
}

}  // namespace espalier::text
