#include "tests/cli/processes_support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "espalier/io/run_files.h"

namespace espalier::testing {

std::vector<std::string> mpirun(int processes) {
  return {"mpirun", "--allow-run-as-root",    "--oversubscribe", "--bind-to", "none",
          "-np",    std::to_string(processes)};
}

bool can_run_together() {
  if (run_well({"--version"}).out.find("Open MPI") == std::string::npos) {
    skip_test("built without Open MPI");
    return false;
  }
  if (!runs_in_shell("command -v mpirun")) {
    skip_test("there is no mpirun");
    return false;
  }
  return true;
}

bool runs_in_shell(const std::string& command) {
  return Running({}, "", "", {"sh", "-c", command}).wait().status == 0;  // the program is the shell's $0
}

Outcome run_together(int processes, const Arguments& arguments) {
  if (processes == 1) return run_espalier(arguments);
  return Running(arguments, "", "", mpirun(processes)).wait();
}

Arguments together(const std::string& name, const Arguments& overrides) {
  Arguments all = {"train.budget.steps=200", "train.gradient_groups=8", "train.batch_size=16",
                   "train.micro_batch=4",    "train.dropout=true",      "log.steps=5",
                   "eval.steps=50",          "eval.sequences=0"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return workshop().pretrain(name, all);
}

std::string bits_of(const std::string& name) {
  const std::string run = workshop().path(name);
  return weights_checksum_of(run) + weights_checksum_of(run + "/best.h5") + steady_metrics(run);
}

std::string ending_after(int processes, int threads, const std::string& name, Arguments overrides) {
  overrides.insert(overrides.begin(), {"--threads", std::to_string(threads)});
  const Outcome outcome = run_together(processes, together(name, overrides));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return bits_of(name);
}

Arguments lasting(const Arguments& others) {
  Arguments all = {"train.budget.steps=1000000", "save.steps=5", "eval.steps=0"};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

namespace {

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

}  // namespace

LongRun::LongRun(const std::string& name, const Arguments& others)
    : running(together(name, lasting(others)), "", "", mpirun(2)) {
  await_file(workshop().path(name) + "/last.h5");
  processes = children_of(running.process());
  REQUIRE(processes.size() == 2);
}

void check_all_ended(const std::vector<pid_t>& processes) {
  for (int i = 0; i < 500; ++i) {
    bool any = false;
    for (const pid_t process : processes) any = any || is_running(process);
    if (!any) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL("processes are left behind");
}

void check_continues(const std::string& name) {
  const std::vector<io::StepFile> files = io::step_files(workshop().path(name));
  REQUIRE_FALSE(files.empty());
  const Arguments to_end = lasting({fmt::format("train.max_steps={}", files.back().step + 10)});
  REQUIRE(run_together(2, together(name, to_end)).status == 0);
  REQUIRE(run_together(1, together(name + "-straight", to_end)).status == 0);
  CHECK(weights_checksum_of(workshop().path(name)) ==
        weights_checksum_of(workshop().path(name + "-straight")));
}

}  // namespace espalier::testing
