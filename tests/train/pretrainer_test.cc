// ctest-label: threads
#include "espalier/train/pretrainer.h"

#include <doctest/doctest.h>

#include <csignal>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/parallel.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/json.h"
#include "espalier/io/run_files.h"
#include "tests/support/support.h"
#include "tests/train/train_support.h"

namespace espalier::train {
namespace {

using testing::error_of;
using testing::metrics_of;
using testing::PretrainWorkspace;
using testing::weights_of;

const std::vector<std::string> kAnneal = {"routing.mode=anneal", "routing.anneal.start=0.2",
                                          "routing.anneal.end=0.7", "routing.anneal.entropy1=0.1"};

}  // namespace

TEST_CASE("a tiny model learns, and leaves a whole run folder") {
  const PretrainWorkspace work;
  const std::vector<std::string> longer = {"train.budget.steps=600", "train.lr=1e-2",
                                           "arch.attention.rotary=true", "eval.steps=100"};
  const PretrainSummary summary = pretrain(work.config("a", longer));
  CHECK(summary.step == 600);
  CHECK(summary.tokens == 600 * 8 * 16);
  CHECK(summary.loss_hard < summary.unigram_loss - 0.3);
  for (const char* file : {"config.yaml", "metrics.jsonl", "trainer_state.json", "last.h5", "best.h5"}) {
    CHECK(std::filesystem::exists(work.run("a") / file));
  }
  CHECK_FALSE(std::filesystem::exists(work.run("a") / "lock"));
  CHECK(pretrain(work.config("a", longer)).already_complete);
}

TEST_CASE("any number of threads gives the same bits") {
  const PretrainWorkspace work;
  for (const char* mode : {"hard", "anneal", "straight_through"}) {
    INFO(mode);
    const std::string name = mode;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      std::vector<std::string> overrides = name == "anneal" ? kAnneal : std::vector{"routing.mode=" + name};
      overrides.push_back("train.budget.steps=12");
      pretrain(work.config(name + std::to_string(threads), overrides));
    }
    CHECK(weights_of(work.run(name + "1") / "last.h5") == weights_of(work.run(name + "2") / "last.h5"));
    CHECK(weights_of(work.run(name + "1") / "last.h5") == weights_of(work.run(name + "3") / "last.h5"));
    CHECK(metrics_of(work.run(name + "1")) == metrics_of(work.run(name + "2")));
  }
  set_thread_count(available_cores());
}

TEST_CASE("a run that was stopped continues to the same bits") {
  const PretrainWorkspace work;
  pretrain(work.config("whole", kAnneal));
  std::vector<std::string> stopped = kAnneal;
  stopped.push_back("train.max_steps=7");
  pretrain(work.config("parts", stopped));
  stopped.back() = "train.max_steps=13";
  pretrain(work.config("parts", stopped));
  pretrain(work.config("parts", kAnneal));
  CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("parts") / "last.h5"));
}

TEST_CASE("a run killed between checkpoints repeats the lost steps: metrics are cut at the checkpoint") {
  const PretrainWorkspace work;
  pretrain(work.config("whole", {"save.steps=5"}));
  pretrain(work.config("killed", {"save.steps=5", "save.keep=9"}));
  // As a kill after step 13 would leave it: checkpoints up to step 10, metrics beyond.
  std::filesystem::remove(work.run("killed") / "checkpoints" / "step-20.h5");
  std::filesystem::remove(work.run("killed") / "checkpoints" / "step-15.h5");
  pretrain(work.config("killed", {"save.steps=5", "save.keep=9"}));
  CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("killed") / "last.h5"));
  CHECK(metrics_of(work.run("whole")) == metrics_of(work.run("killed")));
}

TEST_CASE("a signal saves, says so with its status, and the run continues") {
  const PretrainWorkspace work;
  pretrain(work.config("whole"));
  set_interrupt_signal(SIGTERM);
  int status = 0;
  try {
    pretrain(work.config("stopped"));
  } catch (const Interrupted& stop) {
    status = stop.exit_status();
  }
  set_interrupt_signal(0);
  CHECK(status == 143);
  CHECK(std::filesystem::exists(work.run("stopped") / "checkpoints" / "step-1.h5"));
  pretrain(work.config("stopped"));
  CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("stopped") / "last.h5"));
}

TEST_CASE("changed keys are refused by name when a run is resumed") {
  const PretrainWorkspace work;
  pretrain(work.config("a", {"train.max_steps=2"}));
  const std::string message = error_of([&] { pretrain(work.config("a", {"train.lr=1e-4", "seed=9"})); });
  CHECK(message.find("train.lr: 0.005 in the run, 0.0001 now") != std::string::npos);
  CHECK(message.find("seed: 1 in the run, 9 now") != std::string::npos);
  CHECK(error_of([&] { pretrain(work.config("a", {"resume=never"})); }).find("already holds a run") !=
        std::string::npos);
}

TEST_CASE("other data under a resumed run is refused") {
  const PretrainWorkspace work;
  pretrain(work.config("a", {"train.max_steps=2"}));
  testing::write_tiny_store(work.dir / "data", 100, 16);
  CHECK(error_of([&] { pretrain(work.config("a")); }).find("other data") != std::string::npos);
}

TEST_CASE(
    "a loss or gradient that is not finite stops before the step, with tensor, layer, sequence and the last "
    "checkpoint") {
  const PretrainWorkspace work;
  const std::vector<std::string> wild = {"train.lr=1e30", "train.schedule=constant", "save.steps=1",
                                         "train.clip=0", "arch.embedding.norm=false"};
  const std::string message = error_of([&] { pretrain(work.config("a", wild)); });
  INFO(message);
  CHECK(message.find("step 2: ") != std::string::npos);
  CHECK(message.find("is not finite (data sequences 8 to 15; first data sequence 8: encoder.layers.0: "
                     "anomaly: layer_norm: ") != std::string::npos);
  std::vector<std::string> watched = wild;
  watched.push_back("train.detect_anomaly=true");
  const std::string anomaly = error_of([&] { pretrain(work.config("b", watched)); });
  INFO(anomaly);
  CHECK(anomaly.starts_with("step 2 (data sequences 8 to 15): encoder.layers.0: anomaly: layer_norm: "));
  CHECK(message.find("the step was not applied. The last checkpoint is") != std::string::npos);
  CHECK_NOTHROW(weights_of(work.run("a") / "last.h5"));
}

TEST_CASE("a damaged newest checkpoint is passed over for the one before") {
  const PretrainWorkspace work;
  pretrain(work.config("whole", {"save.steps=5"}));
  pretrain(work.config("a", {"save.steps=5", "save.keep=9"}));
  const auto newest = work.run("a") / "checkpoints" / "step-20.h5";
  std::filesystem::resize_file(newest, std::filesystem::file_size(newest) / 2);
  pretrain(work.config("a", {"save.steps=5", "save.keep=9"}));
  CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("a") / "last.h5"));
}

TEST_CASE("a run folder in use is refused") {
  const PretrainWorkspace work;
  const io::RunLock lock(work.run("a"));
  CHECK(error_of([&] { pretrain(work.config("a")); }).find("in use by") != std::string::npos);
}

TEST_CASE("a folder that holds something else is refused") {
  const PretrainWorkspace work;
  work.dir.write("a/notes.txt", "mine");
  CHECK(error_of([&] { pretrain(work.config("a")); }).find("holds files but no run") != std::string::npos);
}

TEST_CASE("an annealed run logs its temperature, entropy, pruning and hardening gap") {
  const PretrainWorkspace work;
  pretrain(work.config("a", kAnneal));
  const std::string metrics = metrics_of(work.run("a"));
  for (const char* key : {"\"temperature\"", "\"entropy\"", "\"entropy_weight\"", "\"surviving_nodes\"",
                          "\"dropped_mass\"", "\"eval_hardening_gap\"", "\"eval_loss_soft_temperature0\"",
                          "\"leaf_perplexity\"", "\"leaves_used\"", "\"undecided\""}) {
    INFO(key);
    CHECK(metrics.find(key) != std::string::npos);
  }
}

TEST_CASE("entropy that was not computed is not in the metrics") {
  const PretrainWorkspace work;
  pretrain(work.config("a", {"routing.mode=soft", "train.budget.steps=2"}));
  const std::string metrics = metrics_of(work.run("a"));
  const io::Json line = io::parse_json(metrics.substr(0, metrics.find('\n')), "metrics");
  CHECK(line.contains("entropy_weight"));
  CHECK_FALSE(line.contains("entropy"));
}

TEST_CASE("where the batch grows by micro-batches, their size stays") {
  const PretrainWorkspace work;
  const std::vector<std::string> keys = {"train.batch_ramp=0.5", "train.micro_batch=4", "train.max_steps=2"};
  pretrain(work.config("a", keys));
  const std::string message = error_of([&] {
    pretrain(work.config("a", {"train.batch_ramp=0.5", "train.micro_batch=2"}));
  });
  CHECK(message.find("train.micro_batch: 4 in the run, 2 now") != std::string::npos);
}

TEST_CASE("micro-batches add up to the batch") {
  const PretrainWorkspace work;
  pretrain(work.config("one", {"train.budget.steps=3"}));
  pretrain(work.config("four", {"train.budget.steps=3", "train.micro_batch=2"}));
  const auto loss = [&](const std::string& name) {
    const std::string metrics = metrics_of(work.run(name));
    return io::parse_json(metrics.substr(0, metrics.find('\n')), "metrics").at("loss").get<double>();
  };
  CHECK(loss("one") == doctest::Approx(loss("four")).epsilon(1e-5));
}

TEST_CASE("a budget of minutes ends by the clock, and save.minutes saves by it") {
  const PretrainWorkspace work;
  // Some hundred updates of this model; a checkpoint after each.
  config::PretrainConfig clock = work.config("a", {"eval.steps=0", "save.minutes=1e-6", "save.keep=3"});
  clock.budget = {.minutes = 0.02};
  const PretrainSummary summary = pretrain(clock);
  CHECK(summary.step > 0);
  const auto state = io::read_json(work.run("a") / "trainer_state.json");
  CHECK(state.at("global_step") == summary.step);
  CHECK(io::list_checkpoint(work.run("a") / "last.h5").state.at("seconds").get<double>() >= 60 * 0.02);
  const auto checkpoints = [&](const std::string& run) {
    const std::filesystem::directory_iterator saved(work.run(run) / "checkpoints");
    return std::distance(begin(saved), end(saved));
  };
  CHECK(checkpoints("a") == 3);
  pretrain(work.config("b", {"train.budget.steps=5", "eval.steps=0", "save.minutes=0", "save.keep=3"}));
  CHECK(checkpoints("b") == 1);
}

TEST_CASE("the same data by another path continue; others are refused with the way out") {
  const PretrainWorkspace work;
  const std::string data = (work.dir / "data").string();
  pretrain(work.config("whole", {"train.budget.steps=6"}));
  const auto go = [&](const std::string& path, int steps) {
    return work.config("a",
                       {"train.budget.steps=6", "data=" + path, "train.max_steps=" + std::to_string(steps)});
  };
  pretrain(go(data, 1));
  pretrain(go(data + "/", 2));
  pretrain(go((work.dir / "." / "data").string(), 3));
  std::filesystem::rename(work.dir / "data", work.dir / "moved");
  pretrain(go((work.dir / "moved").string(), 6));
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("whole") / "last.h5"));
  testing::write_tiny_store(work.dir / "data", 200);
  const std::string message = error_of([&] { pretrain(go(data, 6)); });
  INFO(message);
  CHECK(message.find("data: the run was trained on other data than " + data + " holds now") !=
        std::string::npos);
  CHECK(message.find("give init=" + work.run("a").string() + " and another `run` folder") !=
        std::string::npos);
}

TEST_CASE("what may change does, and what may not names the way out") {
  const PretrainWorkspace work;
  const auto changed = [&](const std::string& key) {
    return work.config("a", {"train.budget.steps=8", key});
  };
  pretrain(changed("train.max_steps=2"));
  pretrain(
      work.config("a", {"train.budget.steps=8", "train.max_steps=4", "train.micro_batch=4", "eval.steps=3"}));
  pretrain(changed("save.steps=2"));
  CHECK(metrics_of(work.run("a")).find("{\"step\":8") != std::string::npos);
  const std::string message = error_of([&] { pretrain(work.config("a", {"train.budget.steps=9"})); });
  INFO(message);
  CHECK(message.find("train.budget.steps: 8 in the run, 9 now") != std::string::npos);
  CHECK(message.find("longer or on something else, give init=" + work.run("a").string()) !=
        std::string::npos);
}

TEST_CASE("the weights that a run started from are checked while they are there") {
  const PretrainWorkspace work;
  const std::string base = work.run("base").string();
  pretrain(work.config("base", {"train.budget.steps=6", "train.max_steps=2"}));
  const auto go = [&](int steps) {
    return work.config("b", {"init=" + base, "train.max_steps=" + std::to_string(steps)});
  };
  pretrain(go(1));
  pretrain(go(2));
  pretrain(work.config("base", {"train.budget.steps=6"}));
  const std::string message = error_of([&] { pretrain(go(3)); });
  INFO(message);
  CHECK(message.find("init: " + base + ": other weights than it had when the run was begun") !=
        std::string::npos);
  std::filesystem::remove_all(base);
  CHECK_NOTHROW(pretrain(go(3)));
}

TEST_CASE("weights are not taken into an architecture that would compute something else with them") {
  const PretrainWorkspace work;
  const std::string base = work.run("base").string();
  pretrain(work.config("base", {"train.max_steps=1"}));
  const io::Checkpoint saved = io::load_checkpoint(work.run("base") / "last.h5");
  const std::string heads = saved.metadata["arch"]["arch.attention.heads"].get<std::string>();
  const auto into = [&](const char* name, const char* change) {
    return work.config(name, {"init=" + base, "train.max_steps=1", change});
  };
  const std::string message = error_of([&] { pretrain(into("b", "arch.attention.heads=8")); });
  INFO(message);
  CHECK(message ==
        "init: " + base + " has arch.attention.heads " + heads +
            ", the config 8: its weights would compute something else; give arch.attention.heads=" + heads);
  for (const char* change : {"arch.norm_eps=0.5", "arch.attention.rotary=true", "arch.embedding.pad_id=3"}) {
    INFO(change);
    CHECK(error_of([&] { pretrain(into("b", change)); }).find("its weights would compute") !=
          std::string::npos);
  }
  CHECK_NOTHROW(pretrain(into("c", "arch.init_std=0.5")));
}

TEST_CASE("a forest is not taken for another of as many nodes, nor dense layers beside one for others") {
  const PretrainWorkspace work;
  const std::string base = work.run("base").string();
  pretrain(work.config(
      "base", {"train.max_steps=1", "arch.ffn.depth=2", "arch.ffn.layers=[0]", "arch.ffn.other_width=24"}));
  CHECK(
      error_of([&] {
        pretrain(work.config("b", {"init=" + base, "arch.ffn.trees=7", "arch.ffn.depth=0"}));
      })
          .starts_with("init: " + base +
                       " has arch.ffn.depth 2, the config 0; arch.ffn.trees 1, the config 7: its weights "));
  CHECK(error_of([&] {
          pretrain(work.config("c", {"init=" + base, "arch.ffn.depth=2", "arch.ffn.activation=relu"}));
        }).starts_with("init: " + base + " has arch.ffn.activation gelu, the config relu: its weights "));
}

TEST_CASE("weights of another run start a new one") {
  const PretrainWorkspace work;
  pretrain(work.config("a"));
  pretrain(work.config("b", {"init=" + work.run("a").string(), "train.lr=0", "train.max_steps=1"}));
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("b") / "last.h5"));
}

}  // namespace espalier::train
