// Real signals, a full disk, a second process: nothing is lost, and the same command goes on.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "espalier/io/run_files.h"
#include "tests/cli/training_support.h"

namespace espalier::testing {
namespace {

// Waits until FILE has `lines` lines.
void await_lines(const std::string& file, int lines) {
  for (int i = 0; i < 6000; ++i) {
    std::ifstream in(file);
    int count = 0;
    for (std::string line; std::getline(in, line);) ++count;
    if (count >= lines) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL("no " << lines << " lines in " << file);
}

// The signals that a thread blocks, as bits from signal 1 on.
std::uint64_t blocked_by(const std::filesystem::path& thread) {
  std::ifstream in(thread / "status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("SigBlk:")) return std::stoull(line.substr(7), nullptr, 16);
  }
  return 0;
}

std::int64_t last_step(const std::string& run) {
  const std::vector<io::StepFile> files = io::step_files(run);
  REQUIRE_FALSE(files.empty());
  return files.back().step;
}

const Arguments kLong = {"train.budget.steps=1000000", "train.schedule=constant", "eval.steps=0"};

Arguments until(std::int64_t step) {
  Arguments overrides = kLong;
  overrides.push_back("train.max_steps=" + std::to_string(step));
  return overrides;
}

}  // namespace

TEST_CASE("Ctrl-C, SIGTERM and SIGHUP save; the run ends as one that was never stopped") {
  const Workshop& shop = workshop();
  int lines = 3;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    Running running(shop.pretrain("stopped", kLong));
    await_lines(shop.path("stopped/metrics.jsonl"), lines);
    // A handler's frame would destroy the heap of a thread inside oneDNN: no thread that works may take the
    // signal.
    const std::uint64_t all = 1ULL << (SIGINT - 1) | 1ULL << (SIGTERM - 1) | 1ULL << (SIGHUP - 1);
    const std::string tasks = "/proc/" + std::to_string(running.process()) + "/task";
    int open = 0;
    for (const auto& thread : std::filesystem::directory_iterator(tasks)) {
      if ((blocked_by(thread.path()) & all) != all) ++open;
    }
    CHECK(open == 1);  // the one that waits for them
    running.signal(signal);
    const Outcome outcome = running.wait();
    INFO(outcome.err);
    CHECK(outcome.status == 128 + signal);
    const std::int64_t step = last_step(shop.path("stopped"));
    CHECK(outcome.err.find("stopped at step " + std::to_string(step) +
                           " after saving; the same command continues") != std::string::npos);
    lines = static_cast<int>(step) + 3;
  }
  const std::int64_t end = last_step(shop.path("stopped")) + 3;
  run_well(shop.pretrain("stopped", until(end)));
  run_well(shop.pretrain("whole", until(end)));
  CHECK(weights_checksum_of(shop.path("stopped")) == weights_checksum_of(shop.path("whole")));
}

// As `timeout` and launchers send them: to the program and to its group, or one kind after the other. Signals
// of two kinds cannot merge into one before the program looks.
TEST_CASE("two interrupts within a second save as one does") {
  const Workshop& shop = workshop();
  for (const auto& [first, second] : {std::pair{SIGINT, SIGTERM}, std::pair{SIGTERM, SIGINT}}) {
    std::filesystem::remove_all(shop.path("twice"));
    Running running(shop.pretrain("twice", kLong));
    await_lines(shop.path("twice/metrics.jsonl"), 3);
    running.signal(first);
    running.signal(second);
    const Outcome outcome = running.wait();
    INFO(outcome.err);
    CHECK((outcome.status == 128 + first || outcome.status == 128 + second));
    const std::int64_t step = last_step(shop.path("twice"));
    CHECK(outcome.err.find("stopped at step " + std::to_string(step) + " after saving") != std::string::npos);
    const Outcome again = run_well(shop.pretrain("twice", until(step + 2)));
    CHECK(again.err.find("continuing at step " + std::to_string(step)) != std::string::npos);
  }
}

TEST_CASE("a fine-tuning that was stopped goes on from there") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("tuned", {"train.max_steps=1"}));
  const Arguments command = shop.finetune("tuned", "tuning", {"train.epochs=100000"});
  std::int64_t step = 0;
  for (const int signal : {SIGTERM, SIGINT}) {
    Running running(command);
    await_lines(shop.path("tuning/metrics.jsonl"), static_cast<int>(step) + 3);
    running.signal(signal);
    const Outcome outcome = running.wait();
    INFO(outcome.err);
    CHECK(outcome.status == 128 + signal);
    if (step > 0) {
      CHECK(outcome.err.find("continuing at step " + std::to_string(step) + " of") != std::string::npos);
    }
    CHECK(last_step(shop.path("tuning")) > step);
    // Each epoch of four steps adds a line of its own.
    step = last_step(shop.path("tuning"));
  }
}

TEST_CASE("a second process is kept out of a run") {
  const Workshop& shop = workshop();
  Running running(shop.pretrain("shared", kLong));
  await_lines(shop.path("shared/metrics.jsonl"), 2);
  const Outcome second = run_espalier(shop.pretrain("shared", kLong));
  CHECK(second.status == 2);
  CHECK(second.err.find("in use by process " + std::to_string(running.process())) != std::string::npos);
  // A kill leaves the lock's file, which keeps nobody out.
  running.signal(SIGKILL);
  CHECK(running.wait().status == 137);
  run_well(shop.pretrain("shared", until(3)));
}

TEST_CASE("a disk that is full at any moment costs nothing but the time since the last checkpoint") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("roomy"));
  run_well(shop.finetune("roomy", "roomy-task"));
  const auto check = [&](const Arguments& command, const std::string& result, const std::string& expected) {
    for (const int call : {1, 2, 4, 7, 9, 12, 15, 20, 28}) {
      INFO(command[0] << ", call " << call);
      std::filesystem::remove_all(result);
      const Outcome full = Running(command, "ESPALIER_IO_FAULT=enospc:" + std::to_string(call)).wait();
      INFO(full.err);
      CHECK(full.status == 1);
      CHECK(full.err.find("No space left on device (free some space, or write to another disk)") !=
            std::string::npos);
      run_well(command);
      CHECK(weights_checksum_of(result) == expected);
    }
  };
  check(shop.pretrain("full", {"save.steps=4"}), shop.path("full"), weights_checksum_of(shop.path("roomy")));
  check(shop.finetune("roomy", "full-task"), shop.path("full-task"),
        weights_checksum_of(shop.path("roomy-task")));
  check({"export", shop.path("roomy"), shop.path("full-hf")}, shop.path("full-hf"),
        weights_checksum_of(shop.path("roomy")));
}

TEST_CASE("save.stop_on_error=false goes on without checkpoints, but not past the last one") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("lucky"));
  const Arguments command = shop.pretrain("unlucky", {"save.steps=4", "save.stop_on_error=false"});
  const Outcome outcome = Running(command, "ESPALIER_IO_FAULT=enospc:40").wait();
  INFO(outcome.err);
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("going on, there is no checkpoint yet") != std::string::npos);
  CHECK(
      outcome.err.find("stopped at step 20, there is no checkpoint yet, and the same command begins anew") !=
      std::string::npos);
  run_well(command);
  CHECK(weights_checksum_of(shop.path("unlucky")) == weights_checksum_of(shop.path("lucky")));
}

TEST_CASE("a best checkpoint that could not be written is not the best") {
  const Workshop& shop = workshop();
  const Arguments command =
      shop.pretrain("tried", {"train.budget.steps=8", "eval.steps=1", "save.stop_on_error=false"});
  int failures = 0;
  for (int call = 24; call < 60; call += 6) {
    CAPTURE(call);
    std::filesystem::remove_all(shop.path("tried"));
    const Outcome outcome = Running(command, "ESPALIER_IO_FAULT=eio:" + std::to_string(call)).wait();
    failures += outcome.status == 0 && outcome.err.find("could not be written: ") != std::string::npos;
    if (outcome.status != 0) continue;
    const io::Json state = io::parse_json(read_text(shop.path("tried") + "/trainer_state.json"), "state");
    const io::Json best = run_well({"inspect", shop.path("tried") + "/best.h5", "--json"}).json();
    CHECK(state["best_metric"] == best["evaluation"]["loss"]);
  }
  CHECK(failures > 0);
  // The step is saved again, by save.steps, and then is the best with its own loss.
  const Arguments twice = shop.pretrain(
      "tried-twice",
      {"train.budget.steps=8", "eval.steps=4", "save.steps=4", "save.stop_on_error=false", "train.lr=0.3"});
  run_well(twice);
  const std::string expected = read_text(shop.path("tried-twice") + "/trainer_state.json");
  for (int call = 24; call < 48; call += 4) {
    CAPTURE(call);
    std::filesystem::remove_all(shop.path("tried-twice"));
    const Outcome outcome = Running(twice, "ESPALIER_IO_FAULT=eio:" + std::to_string(call)).wait();
    if (outcome.status != 0) continue;
    const auto best_of = [](const std::string& text) { return io::parse_json(text, "state")["best_metric"]; };
    CHECK(best_of(read_text(shop.path("tried-twice") + "/trainer_state.json")) == best_of(expected));
  }
}

TEST_CASE("a training goes on where nobody hears it, and no message gets into its files") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("heard"));
  for (const std::string unheard : {"2>/dev/full", "2>&-"}) {
    CAPTURE(unheard);
    const Arguments shell{"sh", "-c", "exec \"$0\" \"$@\" " + unheard};
    std::filesystem::remove_all(shop.path("unheard"));
    CHECK(Running(shop.pretrain("unheard"), "", "", shell).wait().status == 0);
    CHECK(weights_checksum_of(shop.path("unheard")) == weights_checksum_of(shop.path("heard")));
    CHECK(steady_metrics(shop.path("unheard")) == steady_metrics(shop.path("heard")));
    CHECK(Running({"inspect", "/no/such/file"}, "", "", shell).wait().status == 2);
  }
}

TEST_CASE("standard output that is closed fails") {
  const Outcome outcome = Running({"--version"}, "", "", {"sh", "-c", "exec \"$0\" \"$@\" >&-"}).wait();
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("standard output: cannot write") != std::string::npos);
}

TEST_CASE("standard output on a full disk fails") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("printed", {"train.max_steps=1"}));
  const std::string model = shop.path("printed");
  for (const Arguments& command :
       {Arguments{"--help"}, Arguments{"pretrain", "--help"}, Arguments{"inspect", model, "--json"},
        Arguments{"tokenize", model, "tree"}, Arguments{"evaluate", model, "--data", shop.data, "--json"}}) {
    const Outcome outcome = Running(command, "", "/dev/full").wait();
    INFO(command[0]);
    CHECK(outcome.status == 1);
    CHECK(outcome.err.ends_with("espalier: standard output: cannot write (is the disk full?)\n"));
  }
}

}  // namespace espalier::testing
