// Processes under mpirun end together when one is lost, and the same command goes on.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <fstream>

#include "espalier/io/run_files.h"
#include "tests/cli/processes_support.h"

namespace espalier::testing {

TEST_CASE("a process that is killed ends the others, and the same command continues") {
  if (!can_run_together()) return;
  for (const int victim : {0, 1}) {
    const std::string name = "killed-" + std::to_string(victim);
    LongRun run(name);
    const Stopwatch watch;
    REQUIRE(kill(run.processes[static_cast<std::size_t>(victim)], SIGKILL) == 0);
    CHECK(run.running.wait().status != 0);
    CHECK(watch.seconds() < 15);
    check_all_ended(run.processes);
    check_continues(name);
  }
}

TEST_CASE("SIGTERM to mpirun saves first") {
  if (!can_run_together()) return;
  LongRun run("terminated");
  const Stopwatch watch;
  run.running.signal(SIGTERM);
  const Outcome outcome = run.running.wait();
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("after saving; the same command continues") != std::string::npos);
  CHECK(watch.seconds() < 15);
  check_all_ended(run.processes);
  check_continues("terminated");
}

TEST_CASE("SIGTERM in the middle of a long update abandons it, and saves what was before") {
  if (!can_run_together()) return;
  const Arguments slow = {"train.batch_size=131072", "save.steps=1"};
  LongRun run("abandoned", slow);
  run.running.signal(SIGTERM);
  const Outcome outcome = run.running.wait();
  CHECK(outcome.err.find("after saving; the same command continues") != std::string::npos);
  check_all_ended(run.processes);
  const std::int64_t step = io::step_files(workshop().path("abandoned")).back().step;
  Arguments to_end = lasting(slow);
  to_end.push_back(fmt::format("train.max_steps={}", step + 1));
  REQUIRE(run_together(1, together("abandoned", to_end)).status == 0);
  REQUIRE(run_together(2, together("abandoned-straight", to_end)).status == 0);
  CHECK(bits_of("abandoned") == bits_of("abandoned-straight"));
}

TEST_CASE("a loss that is not finite ends all") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, together("infinite", {"train.lr=1e30", "train.clip=0"}));
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("is not finite") != std::string::npos);
}

TEST_CASE("a full disk under process 0 ends all, and the last checkpoint stays") {
  if (!can_run_together()) return;
  const Arguments command = together("full-together", {"save.steps=10"});
  const Stopwatch watch;
  const Outcome outcome = Running(command, "ESPALIER_IO_FAULT=enospc:60", "", mpirun(2)).wait();
  INFO(outcome.err);
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("No space left on device") != std::string::npos);
  CHECK(watch.seconds() < 60);
  CHECK(ending_after(2, 1, "full-together", {"save.steps=10"}) ==
        ending_after(1, 1, "full-straight", {"save.steps=10"}));
}

TEST_CASE("a process that hangs is noticed") {
  if (!can_run_together()) return;
  LongRun run("hung");
  const Stopwatch watch;
  REQUIRE(kill(run.processes[1], SIGSTOP) == 0);
  const Outcome outcome = run.running.wait();
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("nothing was heard of process 1") != std::string::npos);
  CHECK(watch.seconds() < 60);
  check_all_ended(run.processes);
}

TEST_CASE("prepare that is killed at a write begins again, and ends with the same bytes") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  const auto prepare_into = [&shop](const std::string& out) {
    return Arguments{"--quiet", "prepare", shop.path("prepare.yaml"),
                     "text.files=[" + shop.path("text.txt") + "]", "out=" + shop.path(out)};
  };
  REQUIRE(run_together(1, prepare_into("prepared-undisturbed")).status == 0);
  // Process 0 writes: it is killed at its first call that does, at its second, its fourth ..., until none is
  // left.
  int kills = 0;
  int status = -1;
  for (int call = 1; status != 0 && call < 1 << 20; call *= 2, ++kills) {
    const std::string fault = fmt::format("ESPALIER_IO_FAULT=kill:{}", call);
    status = Running(prepare_into("prepared-killed"), fault, "", mpirun(2)).wait().status;
  }
  CHECK(status == 0);
  CHECK(kills > 4);
  for (const char* file : {"/tokenizer.json", "/tokens.h5"})
    CHECK((read_text(shop.path("prepared-killed") + file) ==
           read_text(shop.path("prepared-undisturbed") + file)));
}

TEST_CASE("a process that starts late is waited for") {
  if (!can_run_together()) return;
  const TempDir dir;
  const std::string late = (dir.path() / "late.sh").string();
  std::ofstream(late) << "[ \"$OMPI_COMM_WORLD_RANK\" = 0 ] || sleep 3\nexec \"$@\"\n";
  std::vector<std::string> launcher = mpirun(2);
  launcher.insert(launcher.end(), {"sh", late});
  const Outcome outcome = Running(together("late", {}), "", "", launcher).wait();
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(bits_of("late") == ending_after(1, 1, "late-alone", {}));
}

}  // namespace espalier::testing
