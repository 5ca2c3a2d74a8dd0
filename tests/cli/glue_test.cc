// `espalier glue` as a person runs it: stopped by signals, and read by scripts. kill_test.cc kills it.
#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>
#include <string>

#include "espalier/io/checkpoint.h"
#include "tests/cli/glue_support.h"

namespace espalier::testing {

namespace fs = std::filesystem;

TEST_CASE("glue: a table on standard output, files for scripts, progress on standard error") {
  const GlueWorkshop glue;
  const Outcome outcome = run_well(glue.command("a"));
  CHECK(outcome.out.starts_with("GLUE dev of " + glue.model));
  CHECK(outcome.out.find("\nCoLA     Matthews ") != std::string::npos);
  CHECK(outcome.out.find("\nRTE      accuracy ") != std::string::npos);
  CHECK(outcome.out.find("\nwnli     skipped: no ") != std::string::npos);
  CHECK(outcome.out.ends_with(glue.run("a") + "/results.json, " + glue.run("a") + "/results.md, " +
                              glue.run("a") + "/submission.zip\n"));
  CHECK(outcome.err.find("WNLI is skipped: no ") != std::string::npos);
  CHECK(outcome.err.find("RTE: 40 train, 40 dev, 40 test rows") != std::string::npos);
  const io::Json results = io::read_json(glue.run("a") + "/results.json");
  CHECK(results.at("tasks").at("cola").at("runs").at(0).at("epochs").size() == 2);
  CHECK(results.at("tasks").at("rte").at("runs").at(0).at("epochs").size() == 1);
  // The best seed's model is a MODEL like any other.
  const io::Json label =
      run_well({"classify", glue.run("a") + "/RTE/model.h5", "the tree", "--pair", "a map", "--json"}).json();
  CHECK(label[0].at("label").get<std::string>().ends_with("entailment"));
}

TEST_CASE("glue: a signal saves and says how to go on; a full disk is an error and loses nothing") {
  const GlueWorkshop glue;
  run_well(glue.command("whole", {"train.epochs=40", "per_task.cola.train.epochs=40", "eval.bootstrap=0"}));
  const Arguments command =
      glue.command("stopped", {"train.epochs=40", "per_task.cola.train.epochs=40", "eval.bootstrap=0"});
  Running running(command);
  const std::string checkpoints = glue.run("stopped") + "/CoLA/seed-1/checkpoints";
  for (int waits = 0; !fs::exists(checkpoints); ++waits) {
    REQUIRE_MESSAGE(waits < 60000, "no " << checkpoints << " after two minutes");
    usleep(2000);
  }
  running.signal(SIGINT);
  const Outcome stopped = running.wait();
  CHECK(stopped.status == 130);
  CHECK(stopped.err.find("the same command continues") != std::string::npos);
  CHECK(stopped.out.empty());
  const Outcome full = Running(command, "ESPALIER_IO_FAULT=enospc:40").wait();
  CHECK(full.status == 1);
  CHECK(full.err.find("No space left on device") != std::string::npos);
  run_well(command);
  CHECK_UNARY(glue.fingerprint("stopped") == glue.fingerprint("whole"));
}

TEST_CASE("glue: what its model says is said once, not at each training") {
  const GlueWorkshop shop;
  const std::string bert = shop.run("bert.h5");
  run_well({"import", shop.model, bert});
  io::Checkpoint model = io::load_checkpoint(bert);
  model.metadata["arch"]["arch.pooler"] = "true";
  model.metadata["routing"]["finished"] = false;
  const std::int64_t d = std::stoll(model.metadata["arch"]["arch.hidden_size"].get<std::string>());
  model.model.push_back({"pooler.dense.weight", Tensor::zeros({d, d})});
  model.model.push_back({"pooler.dense.bias", Tensor::zeros({d})});
  io::save_checkpoint(bert, model);
  const std::string err = run_well(shop.command("once", {"model=" + bert})).err;
  INFO(err);
  for (const char* warning : {"bert.h5: its pooler is not used", "bert.h5: its trees had not finished"}) {
    const std::size_t first = err.find(warning);
    REQUIRE(first != std::string::npos);
    CHECK(err.find(warning, first + 1) == std::string::npos);
  }
}

TEST_CASE("glue: wrong use is refused with status 2 before anything is written") {
  const GlueWorkshop glue;
  const auto refused = [&](const Arguments& overrides, const std::string& message) {
    const Outcome outcome = run_espalier(glue.command("x", overrides));
    INFO(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find(message) != std::string::npos);
    CHECK_FALSE(fs::exists(glue.run("x")));
  };
  refused({"glue.dir=" + glue.run("none")}, "no such folder");
  refused({"glue.dir=" + (glue.dir / "glue/RTE").string()}, "the folder of one task");
  refused({"model=" + glue.run("none")}, "no such file or folder");
  refused({"glue.tasks=[imdb]"}, "unknown GLUE task `imdb`; known: cola");
  refused({"glue.seed=2"}, "the nearest is `glue.seeds`");
  refused({"per_task.cola.train.epoch=2"}, "the nearest is `per_task.cola.train.epochs`");
  refused({"glue.baseline=" + glue.run("none")}, "holds no results.json");
}

TEST_CASE("the shipped configurations are the published recipe") {
  const std::string root = testing::source_folder();
  const std::string dump = run_well({"glue", root + "/configs/glue/all.yaml", "--dump-config"}).out;
  for (const char* line :
       {"seeds: [1, 2, 3, 4, 5]", "lr: 4e-05", "eps: 1e-06", "schedule: cosine", "warmup: 0.1",
        "batch_size: 16", "max_length: 128", "pooler: zero_index", "head_dim: 1024"}) {
    INFO(line);
    CHECK(dump.find(line) != std::string::npos);
  }
  CHECK(dump.find("per_task:\n  cola:\n    train:\n      epochs: 15") != std::string::npos);
  const std::string evidence = run_well({"glue", root + "/configs/glue/evidence.yaml", "--dump-config"}).out;
  CHECK(evidence.find("seeds: [1, 2, 3]") != std::string::npos);
  CHECK(evidence.find("  sst2:\n    seeds: ") != std::string::npos);
  CHECK(run_well({"glue", root + "/configs/glue/sweep.yaml", "--dump-config"}).out.find("sweep:\n  lr: [") !=
        std::string::npos);
}

}  // namespace espalier::testing
