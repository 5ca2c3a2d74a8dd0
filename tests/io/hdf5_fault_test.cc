// Disks that fail while a file is written: the file of before stays whole, the temporary goes, the error says
// what.
#include <doctest/doctest.h>

#include <cerrno>
#include <set>

#include "espalier/io/hdf5_file.h"
#include "espalier/io/json.h"
#include "espalier/io/safetensors.h"
#include "espalier/io/text_file.h"
#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::random_tensor;
using testing::read_text;
using testing::TempDir;

using Save = std::function<void(const std::filesystem::path&, int version)>;

void save_hdf5(const std::filesystem::path& path, int version) {
  Hdf5Writer writer(path, "test", 1);
  for (int i = 0; i < 12; ++i) {
    writer.write("model/w" + std::to_string(i),
                 random_tensor({40, 30}, static_cast<std::uint64_t>(version + i)));
  }
  writer.write_text("state.json", std::to_string(version));
  writer.commit();
}

void save_safetensors(const std::filesystem::path& path, int version) {
  const std::vector<SafetensorsEntry> entries{
      {"a", random_tensor({40, 30}, static_cast<std::uint64_t>(version)), DType::kF32},
      {"b", random_tensor({4}, static_cast<std::uint64_t>(version)), DType::kF16}};
  write_safetensors(path, entries);
}

void save_text(const std::filesystem::path& path, int version) {
  write_text_atomically(path, "version " + std::to_string(version));
}

std::uint64_t calls_of(const Save& save, const std::filesystem::path& path) {
  const ScopedFault counter;
  save(path, 2);
  return counter.calls();
}

// Every operation of one save fails in turn.
void check_every_fault(const Save& save, Fault fault, int error, const std::string& reason) {
  const TempDir dir;
  save(dir / "f", 1);
  const std::string before = read_text(dir / "f");
  const std::uint64_t calls = calls_of(save, dir / "g");
  const std::string after = read_text(dir / "g");
  std::filesystem::remove(dir / "g");
  REQUIRE(calls >= 5);
  std::set<std::string> operations;
  for (std::uint64_t n = 1; n <= calls; ++n) {
    INFO("call " << n << " of " << calls);
    std::string message;
    {
      const ScopedFault armed({fault, n, error});
      message = error_of([&] { save(dir / "f", 2); });
    }
    CHECK_MESSAGE(message.find("f: could not be written: ") != std::string::npos, message);
    CHECK_MESSAGE(message.find(reason) != std::string::npos, message);
    operations.insert(
        message.substr(message.find("written: ") + 9, message.find(reason) - message.find("written: ") - 11));
    // Only the very last call, fsync of the folder, comes after the rename.
    CHECK(read_text(dir / "f") == (n == calls ? after : before));
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++files;
    CHECK(files == 1);
    if (n == calls) save(dir / "f", 1);
  }
  for (const char* operation : {"create", "write", "fsync", "rename", "fsync of the folder"}) {
    CHECK_MESSAGE(operations.contains(operation), operation);
  }
  // The process is none the worse for it.
  save(dir / "f", 2);
  CHECK(read_text(dir / "f") == after);
}

TEST_CASE("faults: an input/output error at any call") {
  check_every_fault(save_hdf5, Fault::kError, EIO, "Input/output error");
  check_every_fault(save_safetensors, Fault::kError, EIO, "Input/output error");
  check_every_fault(save_text, Fault::kError, EIO, "Input/output error");
}

TEST_CASE("faults: the disk is full from any call on") {
  check_every_fault(save_hdf5, Fault::kDiskFull, 0, "No space left on device (free some space");
  check_every_fault(save_safetensors, Fault::kDiskFull, 0, "No space left on device (free some space");
}

TEST_CASE("faults: a folder one may not write into") {
  const TempDir dir;
  const ScopedFault armed({Fault::kError, 1, EACCES});
  CHECK(error_of([&] {
          save_hdf5(dir / "f", 1);
        }).ends_with("f: could not be written: create: Permission denied"));
}

TEST_CASE("faults: short writes are continued") {
  for (const Save& save : {Save(save_hdf5), Save(save_safetensors), Save(save_text)}) {
    const TempDir dir;
    const std::uint64_t calls = calls_of(save, dir / "whole");
    for (std::uint64_t n = 1; n <= calls; ++n) {
      const ScopedFault armed({Fault::kShortWrite, n, 0});
      save(dir / "f", 2);
      REQUIRE(read_text(dir / "f") == read_text(dir / "whole"));
    }
  }
}

TEST_CASE("faults: a kill at any call leaves the old file or the new one, whole") {
  const TempDir dir;
  save_hdf5(dir / "f", 1);
  const std::string before = read_text(dir / "f");
  const std::uint64_t calls = calls_of(save_hdf5, dir / "g");
  const std::string after = read_text(dir / "g");
  bool saw_after = false;
  for (std::uint64_t n = 1; n <= calls; ++n) {
    {
      const ScopedFault armed({Fault::kFrozen, n, 0});
      CHECK_THROWS_AS(save_hdf5(dir / "f", 2), RunError);
    }
    const std::string found = read_text(dir / "f");
    saw_after = saw_after || found == after;
    CHECK((found == before || found == after));
    if (found == after) save_hdf5(dir / "f", 1);
  }
  CHECK(saw_after);
  // What a killed process left behind does not disturb the next.
  save_hdf5(dir / "f", 2);
  CHECK(read_text(dir / "f") == after);
}

TEST_CASE("faults: a writer that is given up leaves nothing behind") {
  const TempDir dir;
  {
    Hdf5Writer writer(dir / "f", "test", 1);
    writer.write("w", random_tensor({100, 100}, 1));
    CHECK(!std::filesystem::is_empty(dir.path()));
  }
  CHECK(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace espalier::io
