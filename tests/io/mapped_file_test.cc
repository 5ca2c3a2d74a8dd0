#include "io/mapped_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "espalier/base/error.h"
#include "espalier/io/safetensors.h"
#include "espalier/tensor/pool.h"
#include "io/sealed_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::TempDir;

std::string text_of(const std::shared_ptr<std::byte>& bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes.get()), size};
}

TEST_CASE("mapped: pieces from anywhere, across pages, up to the end, and none") {
  const TempDir dir;
  std::string text(3 * 4096 + 77, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 % 251);
  const auto file = MappedFile::open(dir.write("t", text));
  const std::int64_t live = pool_statistics().live_bytes;
  for (const std::size_t offset : {0UL, 1UL, 4095UL, 4096UL, 8190UL, text.size() - 1}) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, text.size()}) {
      const std::size_t there = std::min(size, text.size() - offset);
      const auto piece = file->piece(offset, there);
      CHECK(text_of(piece, there) == text.substr(offset, there));
      CHECK(pool_statistics().live_bytes == live);
    }
  }
  CHECK(file->piece(text.size(), 0) != nullptr);
  CHECK(file->tensor<float>(2, {3}).defined() == false);
  CHECK(file->tensor<std::int8_t>(3, {2, 5}).to_vector()[9] == static_cast<std::int8_t>(text[12]));
}

TEST_CASE("mapped: what the system does not map is read") {
  const auto file = MappedFile::open("/proc/self/status");
  const std::int64_t live = pool_statistics().live_bytes;
  const auto piece = file->piece(1, 4);
  CHECK(text_of(piece, 4) == "ame:");
  CHECK(pool_statistics().live_bytes > live);
  CHECK_THROWS_AS(file->piece(0, 1 << 20), InputError);
}

TEST_CASE("mapped: a file that is replaced or deleted stays, one that is written to is told") {
  const TempDir dir;
  const auto path = dir.write("t", "first");
  const auto file = MappedFile::open(path);
  const auto piece = file->piece(0, 5);
  std::filesystem::rename(dir.write("other", "later"), path);
  CHECK(text_of(piece, 5) == "first");
  CHECK(!file->changed());
  std::filesystem::remove(path);
  CHECK(text_of(piece, 5) == "first");
  CHECK(!file->changed());

  const auto grown = MappedFile::open(dir.write("u", "first"));
  std::ofstream(dir / "u", std::ios::app) << "more";
  CHECK(grown->changed());
  const auto same_length = MappedFile::open(dir.write("v", "first"));
  std::filesystem::last_write_time(dir / "v",
                                   std::filesystem::last_write_time(dir / "v") - std::chrono::hours(1));
  CHECK(same_length->changed());
}

TEST_CASE("what is read at any place is a file: a pipe is refused, and nobody waits for its other end") {
  const TempDir dir;
  const std::filesystem::path pipe = dir / "pipe.h5";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::filesystem::path& path : {pipe, std::filesystem::path("/dev/null")}) {
    CAPTURE(path);
    const std::string expected = path.string() + ": is a pipe or a device, expected a file";
    CHECK(testing::error_of([&] { const SafetensorsReader reader(path); }) == expected);
    CHECK(testing::error_of([&] { const SealedFile file(path); }) == expected);
  }
}

}  // namespace
}  // namespace espalier::io
