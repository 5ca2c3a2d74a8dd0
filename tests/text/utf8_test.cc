#include "text/utf8.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace espalier::text {

TEST_CASE("well-formed text is handed back as it is, without a copy") {
  std::string buffer;
  for (const std::string text : {"", "plain", "é", "€ and 😀", "\xF4\x8F\xBF\xBF", "a\0b"}) {
    CHECK(repair_utf8(text, buffer).data() == text.data());
    CHECK(is_utf8(text));
  }
}

TEST_CASE("each maximal ill-formed part becomes one U+FFFD") {
  struct Case {
    std::string text;
    std::string repaired;
  };
  // The second and third are the examples of the Unicode standard (tables 3-8 and 3-11), checked with Python.
  const std::vector<Case> cases = {
      {"a\xFFz", "a\uFFFDz"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\uFFFD\uFFFD\uFFFD\uFFFDA"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},  // a surrogate
      {"\xF5\x80", "\uFFFD\uFFFD"},            // beyond U+10FFFF
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"end \xE2\x82", "end \uFFFD"},
      {"\x80", "\uFFFD"},
  };
  std::string buffer;
  for (const Case& c : cases) {
    CHECK(repair_utf8(c.text, buffer) == c.repaired);
    CHECK_FALSE(is_utf8(c.text));
  }
}

TEST_CASE("every code point is written and read back, forwards and backwards") {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code == 0xD800) code = 0xE000;
    std::string text = "x";
    append_utf8(code, text);
    std::size_t position = 1;
    const bool same = next_code_point(text, position) == code && position == text.size() && is_utf8(text) &&
                      previous_code_point(text, text.size()) == 1 && count_code_points(text) == 2;
    if (!same) FAIL("code point ", static_cast<std::uint32_t>(code));
  }
}

TEST_CASE("runs are found wherever they begin") {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string text = std::string(length, 'a') + "é" + std::string(3, 'b');
    CHECK(find_non_ascii(text) == length);
    CHECK(find_ascii(text, length) == length + 2);
    CHECK(find_non_ascii(text, length + 2) == text.size());
  }
}

}  // namespace espalier::text
