#include "espalier/io/zip.h"

#include <doctest/doctest.h>
#include <zip.h>

#include <iterator>
#include <map>
#include <vector>

#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::TempDir;

// What an independent look through libzip's reading half finds.
std::map<std::string, std::string> entries_of(const std::filesystem::path& path) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  REQUIRE(archive != nullptr);
  std::map<std::string, std::string> found;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    zip_stat_t status;
    REQUIRE(zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &status) == 0);
    std::string text(static_cast<std::size_t>(status.size), '\0');
    zip_file_t* file = zip_fopen_index(archive, static_cast<zip_uint64_t>(i), 0);
    REQUIRE(file != nullptr);
    CHECK(zip_fread(file, text.data(), text.size()) == static_cast<zip_int64_t>(text.size()));
    zip_fclose(file);
    found[status.name] = text;
  }
  zip_discard(archive);
  return found;
}

}  // namespace

TEST_CASE("an archive holds what was put in, and equal entries give equal bytes") {
  const TempDir dir;
  std::string large;
  for (int i = 0; i < 50000; ++i) large += std::to_string(i) + "\tentailment\n";
  const std::vector<ZipEntry> entries = {
      {"b.tsv", "index\tprediction\n"}, {"a.tsv", large}, {"none.tsv", ""}};
  write_zip_atomically(dir / "one.zip", entries);
  const auto found = entries_of(dir / "one.zip");
  CHECK(found.size() == 3);
  for (const ZipEntry& entry : entries) {
    INFO(entry.name);
    REQUIRE(found.contains(entry.name));
    CHECK_UNARY(found.at(entry.name) == entry.text);
  }
  CHECK(std::filesystem::file_size(dir / "one.zip") < large.size() / 2);
  // The clock is not in it.
  std::filesystem::copy_file(dir / "one.zip", dir / "kept.zip");
  write_zip_atomically(dir / "one.zip", entries);
  CHECK_UNARY(testing::read_text(dir / "kept.zip") == testing::read_text(dir / "one.zip"));
  // Bytes 10 .. 13 of a local header are time and date: midnight, 1980-01-01.
  CHECK_UNARY(testing::read_text(dir / "one.zip").substr(10, 4) == std::string("\0\0\x21\0", 4));
}

TEST_CASE("an archive that cannot be written leaves the old one and no rest") {
  const TempDir dir;
  write_zip_atomically(dir / "a.zip", std::vector<ZipEntry>{{"a.tsv", "old"}});
  const std::vector<ZipEntry> entries = {{"a.tsv", "new"}};
  for (std::uint64_t call = 1; call <= 3; ++call) {
    const ScopedFault fault({Fault::kDiskFull, call});
    CHECK(testing::error_of([&] { write_zip_atomically(dir / "a.zip", entries); }).find("a.zip") !=
          std::string::npos);
  }
  CHECK(entries_of(dir / "a.zip").at("a.tsv") == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

}  // namespace espalier::io
