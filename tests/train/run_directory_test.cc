// What a run folder keeps though files of it are lost, damaged, moved, or cannot be written.
#include "espalier/train/run_directory.h"

#include <doctest/doctest.h>

#include <fstream>

#include "espalier/base/log.h"
#include "espalier/io/run_files.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/pretrainer.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"
#include "tests/train/train_support.h"

namespace espalier::train {

using testing::error_of;
using testing::PretrainWorkspace;
using testing::read_text;
using testing::TempDir;
using testing::weights_of;

TEST_CASE("of a run that kept only best.h5 training continues there, and nowhere else") {
  const PretrainWorkspace work;
  pretrain(work.config("whole"));
  pretrain(work.config("a", {"train.max_steps=8"}));
  const std::string best = weights_of(work.run("a") / "best.h5");
  std::filesystem::remove_all(work.run("a") / "checkpoints");
  std::filesystem::remove(work.run("a") / "last.h5");
  CHECK(error_of([&] { model::load_model(work.run("a")); }).find(", but best.h5: give that file") !=
        std::string::npos);
  CHECK(error_of([&] { pretrain(work.config("a", {"seed=9"})); }).find(" in the run, 9 now") !=
        std::string::npos);
  CHECK(weights_of(work.run("a") / "best.h5") == best);
  pretrain(work.config("a"));
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("whole") / "last.h5"));
}

TEST_CASE("a whole last.h5 is taken where all of checkpoints/ is damaged") {
  const PretrainWorkspace work;
  pretrain(work.config("whole"));
  pretrain(work.config("a", {"train.max_steps=8"}));
  const auto copy = work.dir / "copy.h5";
  std::filesystem::copy_file(work.run("a") / "last.h5", copy);
  for (const io::StepFile& file : io::step_files(work.run("a")))
    std::filesystem::resize_file(file.path, 1000);
  CHECK(error_of([&] { pretrain(work.config("a")); }).find(" is whole; move the folder away") !=
        std::string::npos);
  std::filesystem::remove(work.run("a") / "last.h5");
  std::filesystem::rename(copy, work.run("a") / "last.h5");
  pretrain(work.config("a"));
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("whole") / "last.h5"));
}

TEST_CASE("a best.h5 that is gone or damaged is its checkpoint again, and not what comes after") {
  const PretrainWorkspace work;
  const std::vector<std::string> keys = {"eval.steps=4", "save.steps=4", "save.keep=2"};
  const auto until = [&](const std::string& step) {
    std::vector<std::string> some = keys;
    some.push_back("train.max_steps=" + step);
    return work.config("a", some);
  };
  pretrain(until("8"));
  const auto best = work.run("a") / "best.h5";
  const std::string weights = weights_of(best);
  REQUIRE(std::filesystem::equivalent(best, io::step_path(work.run("a"), 8)));
  std::filesystem::remove(best);
  pretrain(until("8"));
  CHECK(weights_of(best) == weights);
  std::filesystem::remove(best);
  std::ofstream(best) << "damaged";
  pretrain(until("8"));
  CHECK(weights_of(best) == weights);
}

TEST_CASE("the best is found by its score, and what was the best before is not taken for it") {
  const TempDir dir;
  set_quiet(true);
  testing::write_tiny_model(dir / "model.h5");
  io::Checkpoint checkpoint = io::load_checkpoint(dir / "model.h5");
  RunDirectory run(dir / "run");
  const auto save = [&](std::int64_t step, double best_loss, bool best) {
    checkpoint.state["best_loss"] = best_loss;
    run.save(checkpoint, step, best, 9);
  };
  save(1, 3.0, true);
  save(2, 2.1, true);
  save(3, 2.1, false);
  const auto best = dir / "run" / "best.h5";
  REQUIRE(std::filesystem::equivalent(best, io::step_path(dir / "run", 2)));
  std::filesystem::remove(best);
  CHECK(run.restore_best("auto", "best_loss", 2.1));
  CHECK(std::filesystem::equivalent(best, io::step_path(dir / "run", 2)));
  std::filesystem::resize_file(best, 1000);
  CHECK_FALSE(run.restore_best("auto", "best_loss", 2.1));
  std::filesystem::remove(best);
  std::filesystem::remove(io::step_path(dir / "run", 2));
  CHECK_FALSE(run.restore_best("auto", "best_loss", 2.1));
  CHECK_FALSE(std::filesystem::exists(best));
}

TEST_CASE("a folder that was moved away gets nothing written in its place") {
  const TempDir dir;
  set_quiet(true);
  testing::write_tiny_model(dir / "model.h5");
  const io::Checkpoint checkpoint = io::load_checkpoint(dir / "model.h5");
  RunDirectory run(dir / "run");
  run.log({{"step", 1}});
  std::filesystem::rename(dir / "run", dir / "moved");
  const auto refused = [&] {
    run.log({{"step", 2}});
    CHECK(error_of([&] {
            run.save(checkpoint, 2, true, 1);
          }).find("run: is not the folder any more that this run holds: it was moved, removed or replaced") !=
          std::string::npos);
  };
  refused();
  CHECK_FALSE(std::filesystem::exists(dir / "run"));
  {
    const RunDirectory another(dir / "run");
    refused();
    CHECK(std::filesystem::exists(dir / "run" / "lock"));
    CHECK(io::step_files(dir / "run").empty());
    CHECK_FALSE(std::filesystem::exists(dir / "run" / "metrics.jsonl"));
  }
  std::filesystem::rename(dir / "moved", dir / "run");
  run.save(checkpoint, 2, true, 1);
  run.log({{"step", 3}});
  CHECK(read_text(dir / "run" / "metrics.jsonl") == run.metrics());
}

TEST_CASE("metrics that could not be written are written with the next line that can") {
  const TempDir dir;
  set_quiet(true);
  RunDirectory run(dir / "run");
  const std::filesystem::path file = dir / "run" / "metrics.jsonl";
  run.log({{"step", 1}});
  // A folder in its place takes no line, as a full disk would not.
  std::filesystem::rename(file, dir / "aside");
  std::filesystem::create_directory(file);
  run.log({{"step", 2}});
  run.log({{"step", 3}});
  std::filesystem::remove(file);
  run.log({{"step", 4}});
  CHECK(read_text(file) == "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4}\n");
  CHECK(run.metrics() == read_text(file));
  run.log({{"step", 5}});
  CHECK(run.metrics() == read_text(file));
}

TEST_CASE("a disk that cannot hold the checkpoints is noticed before training") {
  const TempDir dir;
  set_quiet(true);
  testing::write_tiny_model(dir / "model.h5");
  const io::Checkpoint checkpoint = io::load_checkpoint(dir / "model.h5");
  const RunDirectory run(dir / "run");
  const std::int64_t many = std::int64_t{1} << 40;
  CHECK_NOTHROW(run.check_space(checkpoint, 1, many));
  CHECK_NOTHROW(run.check_space(checkpoint, many, 2));  // what will not be written needs no space
  const std::string message = error_of([&] { run.check_space(checkpoint, many, many); });
  CHECK(message.find(" are free, but the checkpoints still to come may take ") != std::string::npos);
}

TEST_CASE("without checkpoints/ a run continues from last.h5, to the same bits") {
  const PretrainWorkspace work;
  pretrain(work.config("whole"));
  pretrain(work.config("a", {"train.max_steps=8"}));
  std::filesystem::remove_all(work.run("a") / "checkpoints");
  CHECK(error_of([&] { pretrain(work.config("a", {"resume=never"})); }).find("already holds a run") !=
        std::string::npos);
  pretrain(work.config("a"));
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("whole") / "last.h5"));
  CHECK(weights_of(work.run("a") / "best.h5") == weights_of(work.run("whole") / "best.h5"));
  std::filesystem::remove_all(work.run("a") / "checkpoints");
  CHECK(pretrain(work.config("a")).already_complete);
  CHECK(std::filesystem::exists(io::step_path(work.run("a"), 20)));
}

}  // namespace espalier::train
