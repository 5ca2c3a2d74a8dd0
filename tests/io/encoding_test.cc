// What the readers of text refuse by name, and the line ends they know.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/shell_quote.h"
#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/line_reader.h"
#include "espalier/io/text_file.h"
#include "io/file_kind.h"
#include "tests/io/line_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using line_testing::Lines;
using line_testing::lines_of;
using testing::error_of;
using testing::TempDir;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

// Units of `bytes` bytes, little-endian or big-endian.
std::string wide(const std::u32string& text, std::size_t bytes, bool little) {
  std::string result;
  for (const char32_t code : text) {
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t shift = 8 * (little ? i : bytes - 1 - i);
      result += static_cast<char>(static_cast<std::uint32_t>(code) >> shift & 0xFFU);
    }
  }
  return result;
}

TEST_CASE("encodings: UTF-16 and UTF-32 are refused by name, with the command that converts them") {
  const TempDir dir;
  const std::u32string english = U"sentence\tlabel\nthe soup was warm\tgood\n";
  const std::u32string russian = U"Однажды весною, в час небывало жаркого заката\nв Москве\n";
  for (const std::u32string& text : {english, russian}) {
    for (const bool little : {true, false}) {
      const std::string ending = little ? "le" : "be";
      for (const std::size_t bytes : {2U, 4U}) {
        const std::string name = bytes == 2 ? "utf-16" : "utf-32";
        CAPTURE(name + ending);
        const auto plain = dir.write("plain.txt", wide(text, bytes, little));
        CHECK(contains(error_of([&] { lines_of(plain); }), "iconv -f " + name + ending + " -t utf-8 "));
        const auto marked = dir.write("marked.txt", wide(U"\uFEFF" + text, bytes, little));
        const std::string message = error_of([&] { lines_of(marked); });
        CHECK(contains(message, "marked.txt: is " + std::string(bytes == 2 ? "UTF-16" : "UTF-32") +
                                    " text, expected UTF-8; convert it: iconv -f " + name + " -t utf-8 "));
        CHECK(contains(error_of([&] { read_text_file(marked); }), message));
      }
    }
  }
}

TEST_CASE("encodings: UTF-8 with zero bytes, and what is not UTF-8, is still text") {
  const TempDir dir;
  const std::string zero(1, '\0');
  const std::string text = "a text with a zero here" + zero + " and there" + zero + "\n and no more of it\n" +
                           "x" + zero + "y z\n";
  CHECK(lines_of(dir.write("a.txt", text)).size() == 3);
  CHECK(lines_of(dir.write("b.txt", "caf\xe9 cr\xe8me\nna\xefve\n")) ==
        Lines{"caf\xe9 cr\xe8me", "na\xefve"});
  CHECK(lines_of(dir.write("c.txt", std::string(1, '\0'))) == Lines{std::string(1, '\0')});
}

TEST_CASE("encodings: other kinds of files are named") {
  const TempDir dir;
  const auto message = [&](const std::string& bytes) {
    return error_of([&] { lines_of(dir.write("f.txt", bytes)); });
  };
  CHECK(contains(message("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n"),
                 "f.txt: is a git-lfs pointer, not the data it stands for"));
  CHECK(contains(message("PK\x03\x04 and more"), "f.txt: is a zip archive"));
  CHECK(contains(message("%PDF-1.7\n"), "f.txt: is a PDF"));
  CHECK(contains(message(std::string("\x08\x01\0\0\0\0\0\0{\"a\":{}}", 16)), "f.txt: is a safetensors file"));
  CHECK(contains(message("\x89PNG\r\n\x1a\n"), "f.txt: is a PNG picture"));
}

TEST_CASE("line ends: a lone carriage return ends a line where no line feed comes first") {
  const TempDir dir;
  CHECK(lines_of(dir.write("a", "one\rtwo\r\rthree\r")) == Lines{"one", "two", "", "three"});
  CHECK(lines_of(dir.write("a", "\xEF\xBB\xBFone\rtwo")) == Lines{"one", "two"});
  // Where there are line feeds, a carriage return inside a line is text.
  CHECK(lines_of(dir.write("a", "one\rmore\ntwo\r\n")) == Lines{"one\rmore", "two"});
  // A file whose first line is longer than what is looked at first.
  const std::string text(300000, 'x');
  CHECK(lines_of(dir.write("a", text + "\rtwo\r")) == Lines{text, "two"});
  CHECK(lines_of(dir.write("a", text + "\r\ntwo\r\n")) == Lines{text, "two"});
  // At the border of what is looked at first.
  const std::string border((std::size_t{256} << 10) - 1, 'y');
  CHECK(lines_of(dir.write("a", border + "\r\ntwo")) == Lines{border, "two"});
  CHECK(lines_of(dir.write("a", border + "\rtwo")) == Lines{border, "two"});
  // Line feeds that come later end lines too, once.
  std::string mixed;
  Lines expected;
  for (int i = 0; i < 40000; ++i) {
    expected.push_back("line " + std::to_string(i));
    mixed += expected.back() + "\r";
  }
  expected.insert(expected.end(), {"dos", "", "unix", "end"});
  CHECK(lines_of(dir.write("a", mixed + "dos\r\n\r\nunix\nend")) == expected);
}

TEST_CASE("shell_quote: what a shell reads back as the same word") {
  CHECK(shell_quote("runs/my-data/a.txt") == "runs/my-data/a.txt");
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("my files/a b.txt") == "'my files/a b.txt'");
  CHECK(shell_quote("it's $HOME") == "'it'\\''s $HOME'");
}

}  // namespace
}  // namespace espalier::io
