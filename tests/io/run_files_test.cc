#include "espalier/io/run_files.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::read_text;
using testing::TempDir;

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

TEST_CASE("run_files: a second run in a directory is refused and told who is there") {
  const TempDir dir;
  const auto run = dir / "deep" / "run";
  {
    const RunLock lock(run);
    CHECK(!lock.stale_process().has_value());
    CHECK(names_in(run) == Names{"lock"});
    const std::string message = error_of([&] { RunLock second(run); });
    CHECK(message.find("run: in use by process " + std::to_string(getpid()) + " on ") != std::string::npos);
    CHECK(message.find("stop it, or choose another folder") != std::string::npos);
    CHECK_THROWS_AS(RunLock{run}, InputError);
  }
  CHECK_FALSE(std::filesystem::exists(run));
  CHECK_NOTHROW(RunLock{run});
}

TEST_CASE("run_files: a folder that was there, or that holds something, stays when the lock goes") {
  const TempDir dir;
  const auto there = dir / "there", made = dir / "made";
  std::filesystem::create_directory(there);
  { const RunLock lock(there); }
  CHECK(names_in(there).empty());
  {
    const RunLock lock(made);
    dir.write("made/config.yaml", "seed: 1\n");
  }
  CHECK(names_in(made) == Names{"config.yaml"});
}

TEST_CASE("run_files: the lock of another, living process holds; that of a killed one is stale") {
  const TempDir dir;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const RunLock lock(dir.path());
    [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
    pause();
    _exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(error_of([&] { RunLock lock(dir.path()); }).find("in use by process " + std::to_string(child)) !=
        std::string::npos);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  const RunLock lock(dir.path());
  CHECK(lock.stale_process() == static_cast<long>(child));
}

TEST_CASE("run_files: without flock the file alone is the lock, of a living process and of a killed one") {
  set_quiet(true);
  for (const int error : {ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL}) {
    INFO(error);
    const TempDir dir;
    const ScopedFault armed({Fault::kNoLocks, 1, error});
    {
      const RunLock lock(dir.path());
      CHECK(error_of([&] {
              RunLock second(dir.path());
            }).find("in use by process " + std::to_string(getpid())) != std::string::npos);
    }
    CHECK(names_in(dir.path()).empty());
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto* const left = new RunLock(dir.path());
      _exit(left->stale_process().has_value() ? 1 : 0);  // as a kill: nothing is cleaned up
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    CHECK(names_in(dir.path()) == Names{"lock"});
    const RunLock lock(dir.path());
    CHECK(lock.stale_process() == static_cast<long>(child));
    CHECK(names_in(dir.path()) == Names{"lock"});
  }
}

TEST_CASE("run_files: without flock another machine's lock file is named, for it cannot be judged") {
  set_quiet(true);
  const TempDir dir;
  const auto file = dir.write("lock", "4711\nsome.other.host\n2026-01-02 03:04:05\npid:[1] 2\n");
  {
    const ScopedFault armed({Fault::kNoLocks, 1, ENOLCK});
    const std::string message = error_of([&] { RunLock lock(dir.path()); });
    CHECK(message.find("in use by process 4711 on some.other.host since 2026-01-02 03:04:05") !=
          std::string::npos);
    CHECK(message.ends_with("delete " + file.string()));
    std::filesystem::remove(file);
    CHECK_NOTHROW(RunLock{dir.path()});
  }
  // A note that is not whole names nobody.
  dir.write("lock", "");
  const ScopedFault armed({Fault::kNoLocks, 1, ENOLCK});
  CHECK(error_of([&] { RunLock lock(dir.path()); }).find("in use by another process") != std::string::npos);
}

TEST_CASE("run_files: a lock file that was deleted by hand and made anew is left alone") {
  set_quiet(true);
  const TempDir dir;
  const ScopedFault armed({Fault::kNoLocks, 1, ENOLCK});
  {
    const RunLock lock(dir.path());
    std::filesystem::remove(dir / "lock");
    dir.write("lock", "another's");
  }
  CHECK(names_in(dir.path()) == Names{"lock"});
}

TEST_CASE("run_files: a lock that can't be written says why") {
  const TempDir dir;
  const ScopedFault armed({Fault::kDiskFull, 1, 0});
  CHECK(error_of([&] {
          RunLock lock(dir.path());
        }).find("lock: could not be written: write: No space left") != std::string::npos);
}

TEST_CASE("run_files: last and best are names of step files, replaced in one step") {
  const TempDir dir;
  const auto first = dir.write("checkpoints/step-1.h5", "one");
  const auto second = dir.write("checkpoints/step-2.h5", "two");
  const auto last = dir / "last.h5";
  link_atomically(first, last);
  CHECK(std::filesystem::equivalent(first, last));
  link_atomically(first, last);
  link_atomically(second, last);
  CHECK(std::filesystem::equivalent(second, last));
  CHECK(read_text(first) == "one");
  CHECK(names_in(dir.path()) == Names{"checkpoints", "last.h5"});

  for (std::uint64_t n = 1; n <= 3; ++n) {
    const ScopedFault armed({Fault::kError, n, EIO});
    CHECK(error_of([&] { link_atomically(first, last); }).find("last.h5: could not be written: ") !=
          std::string::npos);
    CHECK(read_text(last) == (n == 3 ? "one" : "two"));
    CHECK(names_in(dir.path()) == Names{"checkpoints", "last.h5"});
  }
}

TEST_CASE("run_files: where there are no hard links, last is a copy") {
  const TempDir dir;
  const auto step = dir.write("step-1.h5", std::string(3000000, 's'));
  const ScopedFault armed({Fault::kError, 1, EPERM});
  link_atomically(step, dir / "last.h5");
  CHECK(!std::filesystem::equivalent(step, dir / "last.h5"));
  CHECK(read_text(dir / "last.h5") == read_text(step));
}

TEST_CASE("run_files: the newest step files stay, and those that last and best name") {
  const TempDir dir;
  for (const int step : {5, 10, 100, 20, 1000}) {
    dir.write("checkpoints/step-" + std::to_string(step) + ".h5", std::to_string(step));
  }
  dir.write("checkpoints/step-x.h5", "");
  dir.write("checkpoints/notes.txt", "");
  link_atomically(step_path(dir.path(), 10), dir / "best.h5");
  link_atomically(step_path(dir.path(), 1000), dir / "last.h5");
  std::vector<std::int64_t> steps;
  for (const StepFile& file : step_files(dir.path())) steps.push_back(file.step);
  CHECK(steps == std::vector<std::int64_t>{5, 10, 20, 100, 1000});

  const auto removed = prune_step_files(dir.path(), 2);
  CHECK(removed == std::vector<std::filesystem::path>{step_path(dir.path(), 5), step_path(dir.path(), 20)});
  CHECK(names_in(dir / "checkpoints") ==
        Names{"notes.txt", "step-10.h5", "step-100.h5", "step-1000.h5", "step-x.h5"});
  CHECK(prune_step_files(dir.path(), 2).empty());
  CHECK(step_files(dir / "no such run").empty());
}

TEST_CASE("run_files: what killed writers left is removed under the lock") {
  const TempDir dir;
  dir.write("config.yaml.tmp-4711", "");
  dir.write("checkpoints/step-3.h5.tmp-1", "");
  dir.write("tokens.h5.tmp-12.train", "");
  dir.write("notes.tmp-x", "");
  dir.write("last.h5", "");
  const RunLock lock(dir.path());
  CHECK(remove_stale_temporaries(lock).size() == 3);
  CHECK(names_in(dir.path()) == Names{"checkpoints", "last.h5", "lock", "notes.tmp-x"});
  CHECK(names_in(dir / "checkpoints").empty());
}

TEST_CASE("run_files: free space is known before a run starts, even for a folder to come") {
  const TempDir dir;
  CHECK(free_bytes(dir / "not" / "yet" / "there") > 0);
  CHECK_NOTHROW(check_free_space(dir.path(), 1, "a byte"));
  const std::string message =
      error_of([&] { check_free_space(dir.path(), std::uint64_t{1} << 62U, "the run's checkpoints"); });
  CHECK(message.find(" are free, but the run's checkpoints may take 4611686018.43 GB: free some space") !=
        std::string::npos);
}

// The variable must work for whole programs: this program runs one of its own tests under it.
int run_self(const std::string& fault) {
  const TempDir dir;  // a killed program does not remove its own
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    setenv("ESPALIER_IO_FAULT", fault.c_str(), 1);
    setenv("TMPDIR", dir.path().c_str(), 1);
    execl("/proc/self/exe", "test_io", "--test-case=text files: written whole*", "--out=/dev/null", nullptr);
    _exit(99);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

TEST_CASE("run_files: faults can be armed from the environment for a whole program") {
  CHECK(run_self("") == 0);
  const int killed = run_self("kill:2");
  CHECK(WIFSIGNALED(killed));
  CHECK(WTERMSIG(killed) == SIGKILL);
  CHECK(WEXITSTATUS(run_self("eio:3")) == 1);
  CHECK(WEXITSTATUS(run_self("enospc:2")) == 1);
  CHECK(run_self("short:2") == 0);
}

TEST_CASE("folders are made where they are missing; what stands in the way is named") {
  const TempDir dir;
  CHECK(make_folders(dir / "a/b"));
  CHECK_FALSE(make_folders(dir / "a/b"));
  std::filesystem::create_symlink("/no-such-disk", dir / "link");
  for (const char* folder : {"link", "link/", "link/below"}) {
    CHECK(error_of([&] { make_folders(dir / folder); })
              .ends_with(
                  "link: is a link to /no-such-disk, which is not there: make it, or give another folder"));
  }
  dir.write("file", "text");
  CHECK(error_of([&] {
          make_folders(dir / "file/below");
        }).ends_with("below: could not be written: mkdir: Not a directory"));
}

}  // namespace
}  // namespace espalier::io
