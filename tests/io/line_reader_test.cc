#include "espalier/io/line_reader.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "espalier/base/error.h"
#include "tests/io/line_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using line_testing::Lines;
using line_testing::lines_of;
using testing::error_of;
using testing::TempDir;

std::string gzip(std::string text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

TEST_CASE("line_reader: line ends, empty lines, the last line, the byte-order mark") {
  const TempDir dir;
  CHECK(lines_of(dir.write("a", "")).empty());
  CHECK(lines_of(dir.write("a", "one")) == Lines{"one"});
  CHECK(lines_of(dir.write("a", "one\n")) == Lines{"one"});
  CHECK(lines_of(dir.write("a", "one\n\n\ntwo\r\nthree")) == Lines{"one", "", "", "two", "three"});
  CHECK(lines_of(dir.write("a", "\xEF\xBB\xBFhead\n\xEF\xBB\xBF second\n")) ==
        Lines{"head", "\xEF\xBB\xBF second"});
  CHECK(lines_of(dir.write("a", std::string("nul\0in\n\xff\xfe\n", 10))) ==
        Lines{std::string("nul\0in", 6), "\xff\xfe"});
}

TEST_CASE("line_reader: long texts cross every buffer border, plain and packed") {
  const TempDir dir;
  std::string text;
  Lines expected;
  for (std::size_t i = 0; i < 3000; ++i) {
    expected.push_back(std::string((i * i * 31) % 2003, static_cast<char>('a' + i % 26)));
    text += expected.back() + "\n";
  }
  expected.push_back(std::string(1500000, 'z'));
  text += expected.back() + "\n";
  CHECK(lines_of(dir.write("plain", text)) == expected);
  CHECK(lines_of(dir.write("packed", gzip(text))) == expected);

  LineReader reader(dir / "packed");
  while (reader.next()) {
  }
  CHECK(reader.file_position() == reader.file_bytes());
  CHECK(reader.file_bytes() == gzip(text).size());
}

TEST_CASE("line_reader: gzip of several members and with padding is one text") {
  const TempDir dir;
  const std::string two = gzip("one\ntw") + gzip("") + gzip("o\nthree");
  CHECK(lines_of(dir.write("a.gz", two)) == Lines{"one", "two", "three"});
  CHECK(lines_of(dir.write("a.gz", two + std::string(1024, '\0'))) == Lines{"one", "two", "three"});
  CHECK(error_of([&] {
          lines_of(dir.write("a.gz", two + "rubbish"));
        }).find("something that is not gzip follows the text") != std::string::npos);
}

TEST_CASE("line_reader: damage is reported, never skipped") {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  const std::string packed = gzip(text);
  for (std::size_t length = 2; length < packed.size(); length += 97) {
    const auto path = dir.write("cut.gz", packed.substr(0, length));
    CHECK(error_of([&] { lines_of(path); }).find("cut.gz: truncated: the file ends") != std::string::npos);
  }
  int damaged = 0;
  for (std::size_t at = 10; at < packed.size(); at += 53) {
    std::string bad = packed;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    CHECK_THROWS_AS(lines_of(dir.write("bad.gz", bad)), InputError);
    ++damaged;
  }
  CHECK(error_of([&] {
          lines_of(dir.write("plain.gz", "not packed\n"));
        }).find("does not begin as gzip does") != std::string::npos);
  CHECK(damaged > 50);
}

TEST_CASE("line_reader: a line over the limit names file and line") {
  const TempDir dir;
  const LineReaderOptions options{.max_line_bytes = 10};
  CHECK(lines_of(dir.write("a", "0123456789\r\n0123456789"), options) == Lines{"0123456789", "0123456789"});
  CHECK(lines_of(dir.write("a",
                           "\xEF\xBB\xBF"
                           "0123456789\r\n"),
                 options) == Lines{"0123456789"});
  CHECK(error_of([&] {
          lines_of(dir.write("b", "ok\n0123456789A\n"), options);
        }).ends_with("b: line 2 is longer than 10 bytes"));
  CHECK(error_of([&] {
          lines_of(dir.write("b", "ok\n" + std::string(1000, 'x')), options);
        }).ends_with("b: line 2 is longer than 10 bytes"));
  CHECK(error_of([&] {
          lines_of(dir.write("c", gzip("ok\n" + std::string(100000, 'x'))), options);
        }).ends_with("c: line 2 is longer than 10 bytes"));
  CHECK(error_of([&] { lines_of(dir / "missing"); }).find("cannot be opened: No such file") !=
        std::string::npos);
}

TEST_CASE("line_reader: what is behind a line over the limit can be read") {
  const TempDir dir;
  for (const std::string end : {"\n", "\r\n"}) {
    for (const int length : {11, 12, 13, 25, 1000}) {
      CAPTURE(length);
      const std::string text =
          "one" + end + std::string(static_cast<std::size_t>(length), 'x') + end + "three" + end;
      LineReader reader(dir.write("a", text), {.max_line_bytes = 10, .shown = "the text"});
      CHECK(reader.next() == "one");
      CHECK(error_of([&] { reader.next(); }) == "the text: line 2 is longer than 10 bytes");
      CHECK(reader.next() == "three");
      CHECK(reader.line_number() == 3);
      CHECK_FALSE(reader.next());
    }
  }
  LineReader reader(dir.write("b", std::string(1000, 'x')), {.max_line_bytes = 10});
  CHECK_THROWS_AS(reader.next(), LongLine);
  CHECK_FALSE(reader.next());
}

TEST_CASE("line_reader: a line over the limit comes in pieces, where that is asked for") {
  const TempDir dir;
  for (const std::string unit : {"x", "\u00e9", "\u4e2d", "\U0001F600", "\x80"}) {
    for (const int length : {0, 1, 5, 9, 10, 11, 50, 333}) {
      CAPTURE(length);
      std::string line;
      for (int i = 0; i < length; ++i) line += unit;
      LineReader reader(dir.write("a", "one\n" + line + "\nthree"),
                        {.max_line_bytes = 16, .cut_long_lines = true});
      CHECK(reader.next() == "one");
      std::string joined;
      do {
        const auto piece = reader.next();
        REQUIRE(piece);
        CHECK(reader.line_number() == 2);
        CHECK(piece->size() <= 18);
        if (unit != "\x80") CHECK(piece->size() % unit.size() == 0);
        joined += *piece;
      } while (reader.goes_on());
      CHECK(joined == line);
      CHECK(reader.next() == "three");
      CHECK(reader.line_number() == 3);
      CHECK_FALSE(reader.next());
    }
  }
}

}  // namespace
}  // namespace espalier::io
