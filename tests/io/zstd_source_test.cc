// Text packed with zstd: frames, windows, damage.
#include <doctest/doctest.h>
#include <zstd.h>

#include <string>

#include "espalier/base/error.h"
#include "tests/io/line_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using line_testing::Lines;
using line_testing::lines_of;
using testing::error_of;
using testing::TempDir;

// printf 'one\ntwo\n' | zstd
const std::string kOneTwo(
    "\x28\xb5\x2f\xfd\x04\x58\x41\x00\x00\x6f\x6e\x65\x0a\x74\x77\x6f\x0a\xe6\xa6\x0e\x40", 21);

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3);
  REQUIRE(ZSTD_isError(size) == 0);
  packed.resize(size);
  return packed;
}

// RFC 8878: the magic number, no checksum nor size, the window, then one block with `text` (below 32 bytes)
// as it is.
std::string raw_frame(int window_log, const std::string& text) {
  const std::string header{'\0', static_cast<char>((window_log - 10) << 3)};
  const std::string block{static_cast<char>((text.size() << 3) | 1), '\0', '\0'};
  return "\x28\xb5\x2f\xfd" + header + block + text;
}

std::string skippable(char kind, const std::string& bytes) {
  return std::string{kind, '\x2a', '\x4d', '\x18', static_cast<char>(bytes.size()), '\0', '\0', '\0'} + bytes;
}

std::string long_text() {
  std::string text;
  for (std::size_t i = 0; i < 3000; ++i) {
    text += std::string((i * i * 31) % 2003, static_cast<char>('a' + i % 26)) + "\n";
  }
  return text + std::string(1500000, 'z') + "\n";
}

TEST_CASE("zstd: what the tool packs is read, whatever the name") {
  const TempDir dir;
  CHECK(lines_of(dir.write("a", kOneTwo)) == Lines{"one", "two"});
  CHECK(lines_of(dir.write("a.txt", zstd(long_text()))) == lines_of(dir.write("plain", long_text())));
  CHECK(lines_of(dir.write("empty.zst", "")).empty());
  CHECK(lines_of(dir.write("a", zstd(""))).empty());

  const std::string packed = zstd(long_text());
  LineReader reader(dir.write("a", packed));
  while (reader.next()) {
  }
  CHECK(reader.file_position() == reader.file_bytes());
  CHECK(reader.file_bytes() == packed.size());
}

TEST_CASE("zstd: several frames are one text, and skippable ones are passed over") {
  const TempDir dir;
  const std::string many = skippable('\x50', "index") + zstd("one\ntw") + zstd("") + skippable('\x5f', "") +
                           zstd("o\nthree") + skippable('\x5e', std::string(100, '\x28'));
  CHECK(lines_of(dir.write("a.zst", many)) == Lines{"one", "two", "three"});
  CHECK(lines_of(dir.write("a.zst", skippable('\x50', "nothing else"))).empty());
  CHECK(error_of([&] { lines_of(dir.write("a.zst", kOneTwo + "rubbish")); })
            .ends_with(
                "a.zst: something that is not zstd follows the text at byte 21 of the zstd data; copy or "
                "download the file again"));
  CHECK(error_of([&] {
          lines_of(dir.write("a.zst", kOneTwo + '\0'));
        }).find("something that is not zstd follows the text") != std::string::npos);
}

TEST_CASE("zstd: a window of 1 GiB is unpacked, a larger one refused with the way out") {
  const TempDir dir;
  CHECK(lines_of(dir.write("a", raw_frame(10, "small\n"))) == Lines{"small"});
  CHECK(lines_of(dir.write("a", raw_frame(30, "wide\n"))) == Lines{"wide"});
  CHECK(error_of([&] { lines_of(dir.write("a", raw_frame(31, "wider\n"))); })
            .ends_with(
                "a: its window (zstd --long) takes more than 1 GiB of memory to unpack, the most that is "
                "allowed here; pack it again: zstd -dc --long=31 FILE | zstd -o NEW.zst"));
}

TEST_CASE("zstd: damage is reported, never skipped") {
  const TempDir dir;
  CHECK(error_of([&] { lines_of(dir.write("cut.zst", kOneTwo.substr(0, 15))); })
            .ends_with(
                "cut.zst: truncated: the file ends at byte 15 of the zstd data; copy or download the file "
                "again"));
  const std::string packed = zstd(long_text());
  for (std::size_t length = 4; length < packed.size(); length += 97) {
    const auto path = dir.write("cut.zst", packed.substr(0, length));
    CHECK(error_of([&] { lines_of(path); }).find("cut.zst: truncated: the file ends") != std::string::npos);
  }
  std::string bad = kOneTwo;
  bad[10] = 'N';
  CHECK(error_of([&] { lines_of(dir.write("bad.zst", bad)); })
            .ends_with("bad.zst: damaged (Restored data doesn't match checksum) within 21 bytes of byte 0 of "
                       "the zstd data; copy or "
                       "download the file again"));
  CHECK(error_of([&] {
          lines_of(dir.write("plain.zst", "not packed\n"));
        }).ends_with("plain.zst: damaged: a .zst file that does not begin as zstd does"));
  std::string with_dictionary = raw_frame(10, "text\n");
  with_dictionary[4] = '\x01';
  with_dictionary.insert(6, "\x07");
  CHECK(error_of([&] {
          lines_of(dir.write("a", with_dictionary));
        }).find("is packed with a zstd dictionary, which is not in it") != std::string::npos);
}

}  // namespace
}  // namespace espalier::io
