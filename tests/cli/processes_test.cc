// Several processes under mpirun: the same bits as one, whatever their number, and an end to all of them when
// one is lost, after which the same command goes on.
#include <doctest/doctest.h>
#include <signal.h>

#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "espalier/io/run_files.h"
#include "tests/cli/glue_support.h"

namespace espalier::testing {
namespace {

using Clock = std::chrono::steady_clock;

#ifdef __SANITIZE_ADDRESS__
const char* const kTogetherSteps = "20";
#else
const char* const kTogetherSteps = "200";
#endif

std::vector<std::string> mpirun(int processes) {
  return {"mpirun", "--allow-run-as-root",    "--oversubscribe", "--bind-to", "none",
          "-np",    std::to_string(processes)};
}

// Whether there is an mpirun of Open MPI, and a program that knows it; says so where not.
bool can_run_together() {
  static const bool can = [] {
    const bool built = run_well({"--version"}).out.find("Open MPI") != std::string::npos;
    const bool installed = Running({"--version"}, "", "", mpirun(1)).wait().status == 0;
    if (!built || !installed) MESSAGE("SKIPPED: built without Open MPI, or there is no mpirun");
    return built && installed;
  }();
  return can;
}

Outcome run_together(int processes, const Arguments& arguments) {
  if (processes == 1) return run_espalier(arguments);
  return Running(arguments, "", "", mpirun(processes)).wait();
}

// Weights of the last and the best checkpoint, and the metrics.
std::string bits_of(const std::string& name) {
  const std::string run = workshop().path(name);
  return weights_checksum_of(run) + weights_checksum_of(run + "/best.h5") + steady_metrics(run);
}

Arguments together(const std::string& name, const Arguments& overrides) {
  Arguments all = {std::string("train.budget.steps=") + kTogetherSteps,
                   "train.gradient_groups=8",
                   "train.batch_size=16",
                   "train.micro_batch=4",
                   "arch.ffn.depth=3",
                   "train.dropout=true",
                   "log.steps=5",
                   "eval.steps=50",
                   "eval.sequences=0"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return workshop().pretrain(name, all);
}

std::string ending_after(int processes, int threads, const std::string& name, Arguments overrides) {
  overrides.insert(overrides.begin(), {"--threads", std::to_string(threads)});
  const Outcome outcome = run_together(processes, together(name, overrides));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return bits_of(name);
}

void await_file(const std::string& path) {
  for (int i = 0; i < 6000 && !std::filesystem::exists(path); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(std::filesystem::exists(path));
}

// The processes that mpirun started.
std::vector<pid_t> children_of(pid_t launcher) {
  std::vector<pid_t> children;
  std::ifstream in("/proc/" + std::to_string(launcher) + "/task/" + std::to_string(launcher) + "/children");
  for (pid_t child = 0; in >> child;) children.push_back(child);
  return children;
}

bool is_running(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  return std::getline(in, line) && line.substr(line.rfind(')') + 2, 1) != "Z";
}

// What an end leaves: nothing that runs.
void check_all_ended(const std::vector<pid_t>& processes) {
  for (int i = 0; i < 500; ++i) {
    bool any = false;
    for (const pid_t process : processes) any = any || is_running(process);
    if (!any) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL("processes are left behind");
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A long run of two processes, in the middle of it.
struct LongRun {
  explicit LongRun(const std::string& name)
      : command(together(name, {"train.budget.steps=1000000", "save.steps=5", "eval.steps=0"})),
        running(command, "", "", mpirun(2)) {
    await_file(workshop().path(name) + "/last.h5");
    processes = children_of(running.process());
    REQUIRE(processes.size() == 2);
  }
  Arguments command;
  Running running;
  std::vector<pid_t> processes;
};

// The run goes on from where it was stopped, to the bits of one that was not.
void check_continues(const std::string& name) {
  const std::vector<io::StepFile> files = io::step_files(workshop().path(name));
  REQUIRE_FALSE(files.empty());
  const std::string end = std::to_string(files.back().step + 10);
  const Arguments to_end = {"train.budget.steps=1000000", "save.steps=5", "eval.steps=0",
                            "train.max_steps=" + end};
  REQUIRE(run_together(2, together(name, to_end)).status == 0);
  REQUIRE(run_together(1, together(name + "-straight", to_end)).status == 0);
  CHECK(weights_checksum_of(workshop().path(name)) ==
        weights_checksum_of(workshop().path(name + "-straight")));
}

}  // namespace

TEST_CASE("1, 2, 3, 4 and 8 processes give the same bits") {
  if (!can_run_together()) return;
  const std::vector<std::pair<std::string, Arguments>> ways = {
      {"hard", {"routing.mode=hard"}},
      {"straight", {"routing.mode=straight_through"}},
      {"anneal", {"routing.mode=anneal", "routing.anneal.entropy1=0.05"}},
      {"dense", {"arch.ffn.type=dense", "arch.ffn.width=24"}},
      {"ramp", {"train.batch_ramp=0.5", "train.batch_size=24", "train.gradient_groups=0"}}};
  for (const auto& way : ways) {
    const std::string& name = way.first;
    const Arguments& overrides = way.second;
    INFO(name);
    const std::string alone = ending_after(1, 1, name + "-1", overrides);
    CHECK(ending_after(1, 2, name + "-1-2", overrides) == alone);
    CHECK(ending_after(2, 2, name + "-2", overrides) == alone);
    CHECK(ending_after(3, 1, name + "-3", overrides) == alone);
    CHECK(ending_after(4, 1, name + "-4", overrides) == alone);
    if (name != "ramp") CHECK(ending_after(8, 1, name + "-8", overrides) == alone);
  }
}

TEST_CASE("a run goes on with another number of processes") {
  if (!can_run_together()) return;
  const std::string straight = ending_after(1, 1, "hands-straight", {});
  const std::string half = std::to_string(std::stoi(kTogetherSteps) / 2);
  ending_after(4, 1, "hands", {"train.max_steps=" + half});
  CHECK(ending_after(3, 1, "hands", {}) == straight);
}

TEST_CASE("fine-tuning is shared too") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("base"));
  const auto results = [&](int processes) {
    const std::string name = "tuned-" + std::to_string(processes);
    const Outcome outcome = run_together(
        processes,
        shop.finetune("base", name, {"train.gradient_groups=4", "train.dropout=true", "train.batch_size=8"}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return weights_checksum_of(shop.path(name)) + read_text(shop.path(name) + "/predictions_dev.tsv");
  };
  const std::string alone = results(1);
  for (const int processes : {2, 3, 4}) CHECK(results(processes) == alone);
}

TEST_CASE("glue is shared, each training by all processes") {
  if (!can_run_together()) return;
  const GlueWorkshop glue;
  const auto fingerprint = [&](int processes) {
    const std::string name = "glue-" + std::to_string(processes);
    const Outcome outcome = run_together(processes, glue.command(name, {"train.gradient_groups=4"}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return glue.fingerprint(name);
  };
  const std::string alone = fingerprint(1);
  CHECK(fingerprint(2) == alone);
  CHECK(fingerprint(4) == alone);
}

TEST_CASE("evaluate is shared, and printed once") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("scored"));
  const Arguments command = {"evaluate", shop.path("scored"), "--data", shop.data, "--json"};
  const std::string alone = run_together(1, command).out;
  CHECK(run_together(2, command).out == alone);
  CHECK(run_together(3, command).out == alone);
}

TEST_CASE("prepare is shared, and writes the same bytes") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  const auto prepared = [&](int processes) {
    const std::string out = shop.path("prepared-" + std::to_string(processes));
    const Outcome outcome = run_together(
        processes,
        {"prepare", shop.path("prepare.yaml"), "text.files=[" + shop.path("text.txt") + "]", "out=" + out});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return outcome.out.substr(0, outcome.out.find(out)) + read_text(out + "/tokenizer.json") +
           read_text(out + "/tokens.h5");
  };
  const std::string alone = prepared(1);
  CHECK(prepared(2) == alone);
  CHECK(prepared(3) == alone);
  const Outcome again =
      run_together(2, {"prepare", shop.path("prepare.yaml"), "text.files=[" + shop.path("text.txt") + "]",
                       "out=" + shop.path("prepared-1")});
  CHECK(again.status == 0);
  CHECK(again.out.find("reused") != std::string::npos);
}

TEST_CASE("embed and classify share the rows of a file, and keep their order") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("encoder"));
  run_well(shop.finetune("encoder", "labeller"));
  const auto outputs = [&](int processes) {
    const std::string number = std::to_string(processes);
    const std::string vectors = shop.path("vectors-" + number + ".jsonl"),
                      labels = shop.path("labels-" + number + ".tsv");
    const Arguments file = {"--file", shop.train, "--batch-size", "3", "--output"};
    for (const auto& [verb, model, output] : {std::array{"embed", "encoder", vectors.c_str()},
                                              std::array{"classify", "labeller", labels.c_str()}}) {
      Arguments command = {verb, shop.path(model)};
      command.insert(command.end(), file.begin(), file.end());
      command.emplace_back(output);
      const Outcome outcome = run_together(processes, command);
      INFO(outcome.err);
      REQUIRE(outcome.status == 0);
    }
    return read_text(vectors) + read_text(labels);
  };
  const std::string alone = outputs(1);
  CHECK(outputs(2) == alone);
  CHECK(outputs(3) == alone);
}

TEST_CASE("standard input is refused: process 0 alone has it") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, {"embed", "nowhere", "--file", "-"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("--file: - is standard input, which a launcher gives to process 0 alone") !=
        std::string::npos);
}

TEST_CASE("more processes than gradient groups are refused with the key that helps") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(3, workshop().pretrain("few", {"train.gradient_groups=2"}));
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("3 processes were started, but an update of") != std::string::npos);
  CHECK(outcome.err.find("has 2 gradient groups, and each process needs one: give train.gradient_groups=3") !=
        std::string::npos);
}

TEST_CASE("a verb that does not share its work is refused") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, {"inspect", "nowhere"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("inspect runs in one process, but 2 were started") != std::string::npos);
}

TEST_CASE("what is wrong for all is told once") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, workshop().pretrain("wrong", {"train.lr=fast"}));
  CHECK(outcome.status == 2);
  const std::size_t first = outcome.err.find("train.lr");
  REQUIRE(first != std::string::npos);
  CHECK(outcome.err.find("train.lr", first + 1) == std::string::npos);
}

TEST_CASE("a process that is killed ends the others, and the same command continues") {
  if (!can_run_together()) return;
  for (const int victim : {0, 1}) {
    const std::string name = "killed-" + std::to_string(victim);
    LongRun run(name);
    const Clock::time_point start = Clock::now();
    REQUIRE(kill(run.processes[static_cast<std::size_t>(victim)], SIGKILL) == 0);
    CHECK(run.running.wait().status != 0);
    CHECK(seconds_since(start) < 15);
    check_all_ended(run.processes);
    check_continues(name);
  }
}

TEST_CASE("SIGTERM to mpirun saves first") {
  if (!can_run_together()) return;
  LongRun run("terminated");
  const Clock::time_point start = Clock::now();
  run.running.signal(SIGTERM);
  const Outcome outcome = run.running.wait();
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("after saving; the same command continues") != std::string::npos);
  CHECK(seconds_since(start) < 15);
  check_all_ended(run.processes);
  check_continues("terminated");
}

TEST_CASE("a loss that is not finite ends all") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, together("infinite", {"train.lr=1e30", "train.clip=0"}));
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("is not finite") != std::string::npos);
}

TEST_CASE("a full disk under process 0 ends all, and the last checkpoint stays") {
  if (!can_run_together()) return;
  const Arguments command = together("full", {"save.steps=10"});
  const Clock::time_point start = Clock::now();
  const Outcome outcome = Running(command, "ESPALIER_IO_FAULT=enospc:60", "", mpirun(2)).wait();
  INFO(outcome.err);
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("No space left on device") != std::string::npos);
  CHECK(seconds_since(start) < 60);
  CHECK(ending_after(2, 1, "full", {"save.steps=10"}) ==
        ending_after(1, 1, "full-straight", {"save.steps=10"}));
}

TEST_CASE("a process that hangs is noticed") {
  if (!can_run_together()) return;
  LongRun run("hung");
  const Clock::time_point start = Clock::now();
  REQUIRE(kill(run.processes[1], SIGSTOP) == 0);
  const Outcome outcome = run.running.wait();
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("nothing was heard of process 1") != std::string::npos);
  CHECK(seconds_since(start) < 60);
  check_all_ended(run.processes);
}

TEST_CASE("event files of TensorBoard are written by one process") {
  if (!can_run_together()) return;
  std::vector<std::uintmax_t> sizes;
  for (const int processes : {1, 3}) {
    const std::string name = "shown-by-" + std::to_string(processes);
    const Outcome outcome =
        run_together(processes, together(name, {"train.max_steps=20", "log.tensorboard=true"}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const std::vector<io::EventFile> files = io::event_files(workshop().path(name));
    REQUIRE(files.size() == 1);
    CHECK(files.front().sitting == 1);
    sizes.push_back(std::filesystem::file_size(files.front().path));
  }
  // Numbers have a fixed width in them.
  CHECK(sizes[0] == sizes[1]);
}

}  // namespace espalier::testing
