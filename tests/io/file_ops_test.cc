// What a file that appears under its name whole may take the place of.
#include "io/file_ops.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "espalier/base/error.h"
#include "espalier/io/text_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a pipe or a device is not replaced by a file, whoever asks") {
  const testing::TempDir dir;
  const fs::path pipe = dir / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink(pipe, dir / "link");
  for (const fs::path& path : {pipe, dir / "link", fs::path("/dev/null")}) {
    CAPTURE(path);
    // Not written, so that code which lets it pass does no harm to the machine that tests it.
    const std::string error = testing::error_of([&] { const AtomicFile file(path); });
    CHECK(error == path.string() +
                       ": is a device, a pipe or a socket, and what is written here replaces the file of "
                       "its name: give the name of a file");
  }
  CHECK(fs::is_fifo(pipe));
}

TEST_CASE("a folder is refused before anything is computed for it") {
  const testing::TempDir dir;
  CHECK_THROWS_AS(AtomicFile(dir.path()), InputError);
}

TEST_CASE("a symbolic link stays, and the file that it names is replaced") {
  const testing::TempDir dir;
  dir.write("far/file.txt", "old");
  fs::create_symlink(dir / "far" / "file.txt", dir / "link");
  write_text_atomically(dir / "link", "new");
  CHECK(fs::is_symlink(dir / "link"));
  CHECK(testing::read_text(dir / "far" / "file.txt") == "new");
  // One that leads nowhere is replaced: there is no folder to ask.
  fs::create_symlink(dir / "nowhere" / "file.txt", dir / "dangling");
  write_text_atomically(dir / "dangling", "new");
  CHECK(testing::read_text(dir / "dangling") == "new");
}

}  // namespace
}  // namespace espalier::io
