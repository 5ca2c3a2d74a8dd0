// Killed with SIGKILL at any moment, in the middle of a step or of any write, fsync or rename: the same
// command goes on, and the run ends as one that nobody disturbed, bit for bit.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "espalier/base/philox.h"
#include "espalier/io/json.h"
#include "tests/cli/glue_support.h"

namespace espalier::testing {
namespace {

// How often, unless ESPALIER_TEST_KILLS says otherwise: a few seconds' worth.
int kills_wanted() {
  const char* setting = std::getenv("ESPALIER_TEST_KILLS");
  return setting == nullptr ? 24 : std::atoi(setting);
}

// All that the run leaves: the weights of last.h5 and of best.h5, the metrics, and the state that other
// programs read.
struct Ending {
  std::string weights, best_weights, metrics, trainer_state;
};
Ending ending_of(const std::string& run) {
  io::Json state = io::read_json(run + "/trainer_state.json");
  for (const char* key : {"best_model_checkpoint", "log_history"})
    state.erase(key);  // names the run; has times
  return {weights_checksum_of(run), weights_checksum_of(run + "/best.h5"), steady_metrics(run),
          io::json_text(state)};
}

// Moments to kill at: after some time, or at some system call of those that write.
class Killer {
 public:
  Killer(double seconds, std::uint32_t calls) : seconds_(seconds), calls_(calls) {}

  // Runs the command and kills it, unless it is done before; its status.
  int run(const Arguments& command) {
    const bool at_call = random_.below(draw_++, 2) == 0;
    const std::string fault = "ESPALIER_IO_FAULT=kill:" + std::to_string(1 + random_.below(draw_++, calls_));
    Running running(command, at_call ? fault : "");
    const double wait = seconds_ * random_.uniform(draw_++);
    if (!at_call) {
      std::this_thread::sleep_for(std::chrono::duration<double>(wait));
      running.signal(SIGKILL);
    }
    const Outcome outcome = running.wait();
    INFO(outcome.err);
    CHECK((outcome.status == 137 || outcome.status == 0));
    return outcome.status;
  }

 private:
  Philox random_{11, RandomStream::kTest};
  std::uint64_t draw_ = 0;
  double seconds_;
  std::uint32_t calls_;
};

// Kills runs of `command` into `run` again and again, and has `check` compare what becomes of them. A run
// that nobody disturbs makes more than `calls` calls that write.
void kill_and_compare(const Arguments& command, const std::string& run, int wanted, std::uint32_t calls,
                      const std::function<void()>& check) {
  const auto start = std::chrono::steady_clock::now();
  run_well(command);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  Killer killer(seconds.count(), calls);
  int kills = 0, ends = 0;
  std::filesystem::remove_all(run);
  while (kills < wanted || ends == 0) {
    if (killer.run(command) != 0) {
      ++kills;
      continue;
    }
    ++ends;
    check();
    std::filesystem::remove_all(run);
  }
  MESSAGE(command[0] << ": " << kills << " kills, " << ends << " runs ended as the undisturbed one");
}

void kill_and_compare(const Arguments& command, const std::string& run, const Ending& expected, int wanted) {
  kill_and_compare(command, run, wanted, 60, [&] {
    const Ending ending = ending_of(run);
    CHECK(ending.weights == expected.weights);
    CHECK(ending.best_weights == expected.best_weights);
    CHECK(ending.metrics == expected.metrics);
    CHECK(ending.trainer_state == expected.trainer_state);
  });
}

// results.json but for what the clock gave.
std::string steady_results(const std::string& run) {
  io::Json results = io::read_json(run + "/results.json");
  const std::function<void(io::Json&)> strip = [&](io::Json& json) {
    if (json.is_object()) {
      for (const char* key : {"seconds", "eval_seconds", "tokens_per_second"}) json.erase(key);
    }
    for (io::Json& child : json) {
      if (child.is_structured()) strip(child);
    }
  };
  strip(results);
  return io::json_text(results);
}

}  // namespace

TEST_CASE("pretraining, killed") {
  const Workshop& shop = workshop();
  const Arguments overrides = {"save.steps=3", "eval.steps=5"};
  run_well(shop.pretrain("calm", overrides));
  kill_and_compare(shop.pretrain("killed", overrides), shop.path("killed"), ending_of(shop.path("calm")),
                   kills_wanted());
}

TEST_CASE("fine-tuning, killed") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("killed-base", {"train.max_steps=2"}));
  const Arguments overrides = {"train.epochs=5"};
  run_well(shop.finetune("killed-base", "calm-task", overrides));
  kill_and_compare(shop.finetune("killed-base", "killed-task", overrides), shop.path("killed-task"),
                   ending_of(shop.path("calm-task")), kills_wanted() / 3);
}

TEST_CASE("glue, killed") {
  const GlueWorkshop glue;
  const std::string run = glue.run("killed");
  run_well(glue.command("killed"));
  const std::string expected = glue.fingerprint("killed"), results = steady_results(run);
  kill_and_compare(glue.command("killed"), run, kills_wanted() / 4, 1500, [&] {
    CHECK_UNARY(glue.fingerprint("killed") == expected);
    CHECK(steady_results(run) == results);
  });
}

}  // namespace espalier::testing
