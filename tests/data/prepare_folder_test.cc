// ctest-label: threads
// The folder of the result: a second run, what else is in it, interruptions and full disks.
#include <doctest/doctest.h>

#include <csignal>
#include <set>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/data/prepare.h"
#include "io/fault.h"
#include "tests/data/prepare_support.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::error_of_preparing;
using testing::files_in;
using testing::prepare_options;
using testing::prose;
using testing::sequences_of;

}  // namespace

TEST_CASE("a second run finds everything there; other settings or text are refused by name") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  PrepareOptions options = prepare_options(dir);
  const PrepareResult first = prepare(options);
  const std::string bytes = testing::read_text(dir / "out/tokens.h5");
  std::filesystem::remove(dir / "out/tokenizer.json");
  options.sort_memory_mb = 64;  // does not change the result
  const PrepareResult second = prepare(options);
  CHECK(second.reused);
  CHECK(second.manifest == first.manifest);
  CHECK(testing::read_text(dir / "out/tokens.h5") == bytes);
  CHECK(std::filesystem::exists(dir / "out/tokenizer.json"));
  PrepareOptions other = options;
  other.sequence_length = 32;
  other.order = SequenceOrder::kShuffled;
  CHECK(error_of_preparing(other) ==
        "out: " + options.out +
            " holds a token store made from other text or settings: sequence_length is 16 "
            "there and 32 here; order is \"stored\" there and \"shuffled\" here. Give "
            "another folder, or remove this one");
  dir.write("a.txt", prose(61, 1));
  CHECK(error_of_preparing(options).find("settings: the file \"a.txt\" has changed.") != std::string::npos);
  dir.write("b.txt", prose(1, 1));
  CHECK(error_of_preparing(options).find("the text was 1 files there and is 2 here") != std::string::npos);
}

TEST_CASE("a damaged store is not taken for the result") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  const PrepareOptions options = prepare_options(dir);
  prepare(options);
  std::filesystem::resize_file(dir / "out/tokens.h5", 5000);
  const std::string message = error_of_preparing(options);
  CHECK(message.find("tokens.h5") != std::string::npos);
  CHECK(message.ends_with("Remove the folder " + options.out + " to prepare it again"));
}

TEST_CASE("a folder with other files is left alone") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  dir.write("out/thesis.tex", "x");
  CHECK(error_of_preparing(prepare_options(dir)) ==
        "out: " + (dir / "out").string() +
            " is not empty and holds other files (thesis.tex); give another folder");
  CHECK(files_in(dir / "out") == std::set<std::string>{"thesis.tex"});
  std::filesystem::rename(dir / "out/thesis.tex", dir / "out/tokenizer.json");
  CHECK(error_of_preparing(prepare_options(dir)).find("(tokenizer.json); give another folder") !=
        std::string::npos);
}

TEST_CASE("a tokenizer that exists is used as it is") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  PrepareOptions options = prepare_options(dir);
  prepare(options);
  options.tokenizer_path = dir / "out/tokenizer.json";
  options.out = dir / "again";
  options.vocabulary_size = 32768;  // of no meaning then
  const PrepareResult result = prepare(options);
  CHECK(testing::read_text(dir / "again/tokenizer.json") == testing::read_text(dir / "out/tokenizer.json"));
  CHECK(sequences_of(options.out, io::Split::kTrain) == sequences_of(dir / "out", io::Split::kTrain));
  CHECK(result.manifest["configuration"]["tokenizer.path"].get<std::string>().starts_with("xxh3:"));
  options.tokenizer_path = dir / "none.json";
  options.out = dir / "none";
  CHECK(error_of_preparing(options).find("none.json") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "none"));
}

TEST_CASE("Ctrl-C: nothing is left behind, whatever phase it hits") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(300, 1));
  PrepareOptions options = prepare_options(dir);
  options.order = SequenceOrder::kFullStops;
  for (const char* phase :
       {"reading sources", "counting words", "training tokenizer", "encoding", "writing"}) {
    INFO(phase);
    const auto stop = [&](const PrepareProgress& progress) {
      if (progress.phase == phase) set_interrupt_signal(SIGINT);
    };
    int status = 0;
    std::string message;
    try {
      prepare(options, stop);
    } catch (const Interrupted& interrupted) {
      status = interrupted.exit_status();
      message = interrupted.what();
    }
    set_interrupt_signal(0);
    CHECK(status == 130);
    CHECK(message == std::string("interrupted while ") + phase + "; " + options.out + " holds nothing new");
    CHECK_FALSE(std::filesystem::exists(options.out));
  }
}

TEST_CASE("a full disk at any write: an error, and no half result") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(80, 1));
  PrepareOptions options = prepare_options(dir);
  options.order = SequenceOrder::kFullStops;
  std::uint64_t calls = 0;
  {
    const io::ScopedFault count;
    prepare(options);
    calls = count.calls();
  }
  const std::string bytes = testing::read_text(dir / "out/tokens.h5");
  for (std::uint64_t at = 1; at <= calls; ++at) {
    INFO("write call " << at << " of " << calls);
    options.out = dir / ("full-" + std::to_string(at));
    std::string message;
    {
      const io::ScopedFault full({io::Fault::kDiskFull, at, 0});
      try {
        prepare(options);
      } catch (const Error& error) {
        message = error.what();
      }
    }
    if (message.empty()) {
      // What failed was the removal of the lock or of a temporary name, after the store was complete.
      CHECK(testing::read_text(options.out + "/tokens.h5") == bytes);
      continue;
    }
    CHECK(message.find("No space left on device") != std::string::npos);
    // Past the renaming only the folder's own record can fail: the file is whole then.
    const std::filesystem::path store = options.out + "/tokens.h5";
    CHECK_UNARY(!std::filesystem::exists(store) || testing::read_text(store) == bytes);
    // The same folder serves once there is space again.
    prepare(options);
    CHECK(testing::read_text(options.out + "/tokens.h5") == bytes);
  }
}

}  // namespace espalier::data
