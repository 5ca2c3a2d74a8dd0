#include "io/staged_folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/text_file.h"
#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

TEST_CASE("a staged folder takes the place of the old one, or leaves no trace") {
  const testing::TempDir dir;
  dir.write("target/old.txt", "old");
  {
    StagedFolder staged(dir / "target");
    write_text_atomically(staged.temporary() / "new.txt", "new");
    CHECK(testing::read_text(dir / "target" / "old.txt") == "old");
  }
  CHECK(testing::read_text(dir / "target" / "old.txt") == "old");
  CHECK(entries(dir.path()) == 1);
  {
    StagedFolder staged(dir / "target");
    write_text_atomically(staged.temporary() / "new.txt", "new");
    staged.commit();
  }
  CHECK(testing::read_text(dir / "target" / "new.txt") == "new");
  CHECK_FALSE(fs::exists(dir / "target" / "old.txt"));
  CHECK(entries(dir.path()) == 1);
}

TEST_CASE("folders above the target are made") {
  const testing::TempDir dir;
  StagedFolder staged(dir / "a" / "b" / "c/");
  staged.commit();
  CHECK(fs::is_directory(dir / "a" / "b" / "c"));
}

TEST_CASE("a symbolic link to the target stays, and its folder is replaced") {
  const testing::TempDir dir;
  dir.write("far/target/old.txt", "old");
  fs::create_directory_symlink(dir / "far" / "target", dir / "link");
  StagedFolder staged(dir / "link/");
  write_text_atomically(staged.temporary() / "new.txt", "new");
  staged.commit();
  CHECK(fs::is_symlink(dir / "link"));
  CHECK(testing::read_text(dir / "far" / "target" / "new.txt") == "new");
  CHECK_FALSE(fs::exists(dir / "far" / "target" / "old.txt"));
}

TEST_CASE("an empty folder stays the folder that it is, and is filled, the last file at the end") {
  const testing::TempDir dir;
  fs::create_directory(dir / "target");
  struct stat before {
  }, after{};
  REQUIRE(::stat((dir / "target").c_str(), &before) == 0);
  const fs::path here = fs::current_path();
  fs::current_path(dir / "target");
  {
    StagedFolder staged(".", "a.txt");
    write_text_atomically(staged.temporary() / "a.txt", "new");
    write_text_atomically(staged.temporary() / "b.txt", "new");
    staged.commit();
  }
  CHECK(fs::exists("a.txt"));
  fs::current_path(here);
  REQUIRE(::stat((dir / "target").c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(entries(dir / "target") == 2);
  const std::string error = testing::error_of([&] {
    fs::create_directory(dir / "other");
    StagedFolder staged(dir / "other" / ".", "a.txt");
    write_text_atomically(staged.temporary() / "a.txt", "new");
    write_text_atomically(staged.temporary() / "b.txt", "new");
    const ScopedFault fault({Fault::kError, 3, EIO});
    staged.commit();
  });
  CHECK(error.find("Input/output error") != std::string::npos);
  CHECK(fs::exists(dir / "other" / "b.txt"));
  CHECK_FALSE(fs::exists(dir / "other" / "a.txt"));
}

TEST_CASE("whatever call fails, the old folder is whole and the error names it") {
  const testing::TempDir dir;
  dir.write("target/old.txt", "old");
  std::uint64_t calls = 0;
  {
    const testing::TempDir other;
    other.write("target/old.txt", "old");
    const ScopedFault counting;
    StagedFolder staged(other / "target");
    staged.commit();
    calls = counting.calls();
  }
  REQUIRE(calls >= 3);
  // The last call makes the renaming durable: by then the new folder is in place.
  for (std::uint64_t at = 1; at < calls; ++at) {
    const ScopedFault fault({Fault::kError, at, EIO});
    StagedFolder staged(dir / "target");
    const std::string error = testing::error_of([&] { staged.commit(); });
    CHECK(error.find("target") != std::string::npos);
    CHECK(error.find("Input/output error") != std::string::npos);
    CHECK(testing::read_text(dir / "target" / "old.txt") == "old");
  }
  CHECK(entries(dir.path()) == 1);
}

}  // namespace
}  // namespace espalier::io
