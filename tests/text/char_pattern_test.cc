#include "text/char_pattern.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/support.h"

namespace espalier::text {

namespace {

std::string replaced(const std::string& pattern, const std::string& text, const std::string& content) {
  std::string out = "untouched";
  return CharPattern(pattern).replace(text, content, out) ? out : text;
}

}  // namespace

TEST_CASE("supported expressions replace as Oniguruma does") {
  CHECK(replaced(" {2,}", "a  b c     d ", " ") == "a b c d ");
  CHECK(replaced(R"([^\x00-\x7F]+)", "caf\u00E9 \U0001F600\u00E0x", "") == "caf x");
  CHECK(replaced(R"([^\x00-\x7F])", "\u00E9\u00E0", "?") == "??");
  CHECK(replaced(R"(\s+)", "a \t\u00A0\u3000b\nc", "_") == "a_b_c");
  CHECK(replaced("[\\n\\r]", "a\r\nb", " ") == "a  b");
  CHECK(replaced("[a-c\\-]{2,3}", "abcab-a-cb d", "X") == "XXXb d");
  CHECK(replaced("x{3}", "xxxxxxx xx", "3") == "33x xx");
  CHECK(replaced("\\.+", "a...b.c", "!") == "a!b!c");
  CHECK(replaced("\u00E9+", "\u00E9\u00E9e", "E") == "Ee");
  CHECK(replaced("[\u4E00-\u9FFF]", "\u4E2D\u00E9", "") == "\u00E9");
  CHECK(replaced("\\x{1F600}", "\U0001F600\U0001F601", ":") == ":\U0001F601");
  CHECK(replaced("[^a\\s]+", "ab c\n", "-") == "a- -\n");
}

TEST_CASE("text without a match is reported as unchanged") {
  std::string out = "kept";
  CHECK_FALSE(CharPattern(" {2,}").replace("a b c", " ", out));
  CHECK_FALSE(CharPattern(" {2,}").replace("", " ", out));
  CHECK_FALSE(CharPattern("[^\\x00-\\x7F]+").replace("plain", "", out));
  CHECK(out == "kept");
}

TEST_CASE("other expressions are refused with the reason") {
  const auto error = [](const std::string& pattern) {
    return testing::error_of([&] { CharPattern{pattern}; });
  };
  CHECK(error("ab") ==
        "Replace: the regular expression \"ab\" is not supported: \"b\" follows it. Supported are one "
        "character "
        "or one class, optionally repeated, as in \" {2,}\", \"\\s+\", \"[^\\x00-\\x7F]+\"");
  for (const std::string pattern :
       {"",      "[]]",         "[]",     "a|b",     "(a)",     "a*",    "a?",          ".",
        "^a",    "a$",          "\\d",    "\\w+",    "[a",      "[",     "[^",          "[a-",
        "[b-a]", "[[:alpha:]]", "[a&&b]", "a{",      "a{2",     "a{2,",  "a{0,}",       "a{3,2}",
        "a{,2}", "a{999999}",   "\\",     "\\x",     "\\xZZ",   "\\xFF", "\\x{110000}", "\\x{41",
        "a+b",   "a++",         "\\s\\s", "[\\s-z]", "[a-\\s]", "\xFF"}) {
    CAPTURE(pattern);
    CHECK(error(pattern).find("is not supported: ") != std::string::npos);
  }
}

}  // namespace espalier::text
