// What a run folder keeps through interruptions, damage and changed minds.
#include <doctest/doctest.h>

#include <csignal>

#include "espalier/base/interrupt.h"
#include "espalier/io/run_files.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/pretrainer.h"
#include "espalier/train/same_config.h"
#include "tests/support/support.h"
#include "tests/train/train_support.h"

namespace espalier::train {
namespace {

using testing::error_of;
using testing::metrics_of;
using testing::PretrainWorkspace;
using testing::read_text;
using testing::weights_of;

std::string step_file(const std::filesystem::path& run, int step) {
  return io::step_path(run, step).string();
}

}  // namespace

TEST_CASE("a signal cuts an evaluation short, which is made when the run goes on") {
  const PretrainWorkspace work;
  // The last one, and one on the way.
  for (const std::vector<std::string>& keys :
       {std::vector<std::string>{"train.max_steps=1"}, {"train.budget.steps=3", "eval.steps=1"}}) {
    const std::string whole = "whole-" + keys[0], cut = "cut-" + keys[0];
    pretrain(work.config(whole, keys));
    set_interrupt_signal(SIGTERM);
    CHECK_THROWS_AS(pretrain(work.config(cut, keys)), Interrupted);
    set_interrupt_signal(0);
    CHECK(std::filesystem::exists(step_file(work.run(cut), 1)));
    CHECK(metrics_of(work.run(cut)).find("\"eval_loss\"") == std::string::npos);
    CHECK_FALSE(pretrain(work.config(cut, keys)).already_complete);
    CHECK(metrics_of(work.run(cut)) == metrics_of(work.run(whole)));
    CHECK(weights_of(work.run(cut) / "best.h5") == weights_of(work.run(whole) / "best.h5"));
    CHECK(pretrain(work.config(cut, keys)).already_complete);
  }
}

TEST_CASE("a training that has diverged is not saved as if it were whole") {
  const PretrainWorkspace work;
  const std::string message = error_of([&] {
    pretrain(work.config("a", {"train.max_steps=1", "train.lr=1e20", "train.schedule=constant"}));
  });
  INFO(message);
  CHECK(
      message.find("step 1: the held-out loss is not finite; this step was not saved. No checkpoint had been "
                   "written yet. Lower train.lr.") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(work.run("a") / "last.h5"));
}

TEST_CASE("resume=FILE continues from there, to the same bits") {
  for (const std::string optimizer : {"adamw", "muon"}) {
    INFO(optimizer);
    const PretrainWorkspace work;
    const auto config = [&](const std::string& run, std::vector<std::string> keys = {}) {
      keys.push_back("train.optimizer=" + optimizer);
      return work.config(run, keys);
    };
    pretrain(config("whole"));
    pretrain(config("first", {"train.max_steps=8"}));
    pretrain(config("second", {"resume=" + step_file(work.run("first"), 8)}));
    CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("second") / "last.h5"));
    CHECK(pretrain(config("second")).already_complete);
  }
}

TEST_CASE("a run does not go on with another optimizer") {
  const PretrainWorkspace work;
  pretrain(work.config("run", {"train.max_steps=2"}));
  const std::string message = error_of([&] { pretrain(work.config("run", {"train.optimizer=muon"})); });
  INFO(message);
  CHECK(message.find("train.optimizer") != std::string::npos);
}

TEST_CASE("resume=FILE brings the checkpoint into the folder, and the best begins anew") {
  const PretrainWorkspace work;
  pretrain(work.config("whole"));
  pretrain(work.config("first", {"train.max_steps=8", "eval.steps=3"}));
  const std::string from = "resume=" + step_file(work.run("first"), 8);
  pretrain(work.config("second", {"train.max_steps=8", from}));
  CHECK(weights_of(work.run("second") / "last.h5") == weights_of(work.run("first") / "last.h5"));
  CHECK(pretrain(work.config("second", {"train.max_steps=8"})).already_complete);
  pretrain(work.config("second"));
  CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("second") / "last.h5"));
  // Wherever the best of the first folder was.
  pretrain(work.config("third",
                       {"train.max_steps=12", "eval.steps=10", "resume=" + step_file(work.run("first"), 8)}));
  const io::Json state = io::parse_json(read_text(work.run("third") / "trainer_state.json"), "trainer_state");
  CHECK(std::filesystem::exists(state["best_model_checkpoint"].get<std::string>()));
}

TEST_CASE("resume=FILE that is refused leaves the folder as it is") {
  const PretrainWorkspace work;
  pretrain(work.config("mine", {"train.max_steps=8"}));
  pretrain(work.config("other", {"seed=9"}));
  const std::string from = "resume=" + (work.run("other") / "last.h5").string();
  const std::string before = weights_of(work.run("mine") / "last.h5");
  for (const char* name : {"mine", "fresh"})
    CHECK(error_of([&] { pretrain(work.config(name, {from})); }).find("seed: 9 in the run") !=
          std::string::npos);
  CHECK(weights_of(work.run("mine") / "last.h5") == before);
  CHECK(io::step_files(work.run("mine")).back().step == 8);
  pretrain(work.config("mine"));
  pretrain(work.config("fresh", {"train.max_steps=1"}));
}

TEST_CASE("resume=FILE is copied, whatever it is, and replaces what is damaged here") {
  const PretrainWorkspace work;
  pretrain(work.config("whole"));
  const std::string weights = weights_of(work.run("whole") / "last.h5");
  const auto file = work.dir / "backup.h5", link = work.dir / "link.h5";
  std::filesystem::copy_file(work.run("whole") / "last.h5", file);
  std::filesystem::create_symlink("backup.h5", link);
  pretrain(work.config("new", {"resume=" + link.string()}));
  for (const char* name : {"last.h5", "checkpoints/step-20.h5"}) {
    CHECK_FALSE(std::filesystem::is_symlink(work.run("new") / name));
    CHECK_FALSE(std::filesystem::equivalent(work.run("new") / name, file));
    CHECK(weights_of(work.run("new") / name) == weights);
  }
  std::filesystem::resize_file(step_file(work.run("new"), 20), 1000);
  pretrain(work.config("new", {"resume=" + file.string()}));
  CHECK(weights_of(work.run("new") / "last.h5") == weights);
}

TEST_CASE("a run that ends where it was stopped is evaluated there") {
  const PretrainWorkspace work;
  set_interrupt_signal(SIGTERM);
  CHECK_THROWS_AS(pretrain(work.config("a")), Interrupted);
  set_interrupt_signal(0);
  REQUIRE(io::step_files(work.run("a")).back().step == 1);
  CHECK_FALSE(pretrain(work.config("a", {"train.max_steps=1"})).already_complete);
  CHECK(metrics_of(work.run("a")).find("\"eval_loss\"") != std::string::npos);
  CHECK(std::filesystem::exists(work.run("a") / "best.h5"));
}

TEST_CASE("resume=FILE is refused where later checkpoints would win over what comes after it") {
  const PretrainWorkspace work;
  const std::vector<std::string> keys = {"save.steps=5", "save.keep=9"};
  pretrain(work.config("a", keys));
  const std::string weights = weights_of(work.run("a") / "last.h5");
  std::vector<std::string> back = keys;
  back.push_back("resume=" + step_file(work.run("a"), 5));
  const std::string message = error_of([&] { pretrain(work.config("a", back)); });
  CHECK(message.find("step-5.h5 is of step 5, but " + step_file(work.run("a"), 20) + " is of a later one") !=
        std::string::npos);
  CHECK(weights_of(work.run("a") / "last.h5") == weights);
  for (const int later : {10, 15, 20}) std::filesystem::remove(step_file(work.run("a"), later));
  pretrain(work.config("a", back));
  CHECK(weights_of(work.run("a") / "last.h5") == weights);
}

TEST_CASE("only a checkpoint of a pretraining can be continued") {
  const PretrainWorkspace work;
  io::Checkpoint model;
  model.kind = "model";
  io::save_checkpoint(work.dir / "model.h5", model);
  const std::string message =
      error_of([&] { pretrain(work.config("a", {"resume=" + (work.dir / "model.h5").string()})); });
  CHECK(message.find("model.h5: holds a checkpoint of kind `model`, but only one of kind `pretrain` can be "
                     "continued here; give another `run` folder, and init= to start from these weights") !=
        std::string::npos);
}

TEST_CASE("a key that the run's version did not know stood at its default") {
  const auto compare_with = [](const std::string& clip) {
    const std::vector<config::Setting> now = {config::parse_override("train.lr=0.1"),
                                              config::parse_override("train.clip=" + clip)};
    require_same_config(
        "train: {lr: 0.1}\n", "last.h5", now,
        {config::pretrain_resume_rule, true, "Way out.", {config::parse_override("train.clip=0.5")}});
  };
  CHECK_NOTHROW(compare_with("0.5"));
  CHECK(error_of([&] { compare_with("2"); }) ==
        "last.h5: the run was begun with another configuration:\n  train.clip: 0.5 in the run, 2 now\n"
        "Give the old values to resume. Way out.");
}

TEST_CASE("a pretraining beyond train.max_steps is refused") {
  const PretrainWorkspace work;
  pretrain(work.config("a", {"train.max_steps=8"}));
  const std::string message = error_of([&] { pretrain(work.config("a", {"train.max_steps=7"})); });
  INFO(message);
  CHECK(message.find("train.max_steps is 7, but the run " + work.run("a").string() +
                     " is at step 8 already; give a larger one") == 0);
  CHECK_NOTHROW(pretrain(work.config("a", {"train.max_steps=8"})));
}

TEST_CASE("a checkpoint says how its trees were trained, and nothing where there are none") {
  const PretrainWorkspace work;
  const std::vector<std::string> anneal = {"routing.mode=anneal", "eval.steps=5"};
  std::vector<std::string> half = anneal;
  half.push_back("train.max_steps=7");
  pretrain(work.config("half", half));
  const model::RoutingProvenance unfinished = model::load_model(work.run("half")).routing;
  CHECK(unfinished.mode == "anneal");
  CHECK_FALSE(unfinished.finished);
  CHECK(unfinished.trained_softly);
  CHECK(unfinished.temperature < 1);
  CHECK(unfinished.hardening_gap.has_value());
  pretrain(work.config("half", anneal));
  CHECK(model::load_model(work.run("half")).routing.finished);

  config::PretrainConfig flat =
      work.config("dense", {"eval.steps=5", "train.max_steps=7", "arch.ffn.type=dense", "arch.ffn.width=8"});
  flat.routing.mode = config::Routing::kAnneal;  // as in a file that trees share
  pretrain(flat);
  const model::RoutingProvenance dense = model::load_model(work.run("dense")).routing;
  CHECK(dense.finished);
  CHECK_FALSE(dense.trained_softly);
  CHECK_FALSE(dense.hardening_gap.has_value());
  const std::string metrics = metrics_of(work.run("dense"));
  for (const char* key : {"\"temperature\":0", "surviving_nodes", "entropy_weight", "epsilon"}) {
    INFO(key);
    CHECK(metrics.find(key) == std::string::npos);
  }
}

TEST_CASE("a checkpoint says what its mixture and its straight-through training drop") {
  const PretrainWorkspace work;
  const auto routing_after = [&](const std::string& name, std::vector<std::string> overrides) {
    overrides.push_back("train.max_steps=1");
    pretrain(work.config(name, overrides));
    return model::load_model(work.run(name)).routing;
  };
  const auto soft = routing_after("soft", {"routing.mode=soft", "routing.epsilon=0.0625"});
  CHECK(soft.epsilon == 0.0625);
  CHECK_FALSE(soft.ste_epsilon.has_value());
  const auto through =
      routing_after("through", {"routing.mode=straight_through", "routing.straight_through.epsilon=0.125"});
  CHECK(through.ste_epsilon == 0.125);
  CHECK_FALSE(through.epsilon.has_value());
}

TEST_CASE("a key that nothing reads is refused where a run begins, and does not keep one from going on") {
  const PretrainWorkspace work;
  CHECK(error_of([&] {
          pretrain(work.config("a", {"routing.temperature=2"}));
        }).starts_with("command line: routing.temperature goes with routing.mode: soft;"));
  CHECK(
      error_of([&] {
        pretrain(work.config("b", {"arch.ffn.type=dense", "arch.ffn.width=8", "routing.mode=soft"}));
      }).starts_with("command line: routing.mode goes with trees; the feedforward layers here are dense 8"));
  pretrain(work.config("c", {"train.max_steps=1"}));
  CHECK_NOTHROW(pretrain(work.config("c", {"train.max_steps=2", "routing.temperature=1"})));
}

TEST_CASE(
    "a finished run that is taken into another folder leaves its configuration there, and keeps its own") {
  const PretrainWorkspace work;
  pretrain(work.config("done", {"train.max_steps=2"}));
  const std::string kept = read_text(work.run("done") / "config.yaml");
  pretrain(work.config("done", {"train.max_steps=2", "log.steps=7"}));
  CHECK(read_text(work.run("done") / "config.yaml") == kept);
  pretrain(work.config("taken", {"train.max_steps=2", "resume=" + (work.run("done") / "last.h5").string()}));
  CHECK(std::filesystem::exists(work.run("taken") / "config.yaml"));
}

TEST_CASE("a run that ended at its very beginning begins again; files of others are left alone") {
  const PretrainWorkspace work;
  work.dir.write("a/metrics.jsonl", "");
  work.dir.write("a/config.yaml.tmp-4711", "seed: ");
  pretrain(work.config("a", {"train.max_steps=1"}));
  CHECK_FALSE(std::filesystem::exists(work.run("a") / "config.yaml.tmp-4711"));
  for (const char* name : {"b/config.yaml", "c/notes.txt"}) {
    const std::filesystem::path file = work.dir.write(name, "mine");
    CHECK(error_of([&] {
            pretrain(work.config(std::string(1, name[0])));
          }).find("holds files but no run; give an empty or a new folder") != std::string::npos);
    CHECK(read_text(file) == "mine");
  }
}

}  // namespace espalier::train
