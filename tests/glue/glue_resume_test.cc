// ctest-label: threads
// Runs of GLUE that go on, and those that must not: interruptions, what a kill leaves, other inputs and
// settings.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/glue/glue.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/run_files.h"
#include "tests/glue/glue_support.h"
#include "tests/support/support.h"
#include "tests/train/train_support.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;
using testing::comparable;
using testing::count_lines;
using testing::error_of;
using testing::GlueWorkspace;

// Runs until the first step after which it is told to stop.
int interrupted_status(const config::GlueConfig& config) {
  set_interrupt_signal(SIGINT);
  int status = 0;
  try {
    run_glue(config);
  } catch (const Interrupted& stop) {
    status = stop.exit_status();
  }
  set_interrupt_signal(0);
  return status;
}

}  // namespace

TEST_CASE("stopped at any time, a run goes on to the same results and the same archive") {
  const GlueWorkspace work;
  const io::Json whole = io::to_json(run_glue(work.config("whole")));
  CHECK(interrupted_status(work.config("stopped")) == 130);
  // One task is finished now; the second is stopped in its first seed.
  run_glue(work.config("stopped", {"glue.tasks=[cola]"}));
  CHECK(interrupted_status(work.config("stopped")) == 130);
  CHECK(fs::exists(work.dir / "stopped/STS-B/seed-1/checkpoints"));
  const auto written = fs::last_write_time(work.dir / "stopped/CoLA/seed-1/result.json");
  const io::Json resumed = io::to_json(run_glue(work.config("stopped")));
  CHECK(fs::last_write_time(work.dir / "stopped/CoLA/seed-1/result.json") == written);
  CHECK(comparable(resumed) == comparable(whole));
  CHECK_UNARY(work.text("stopped/submission.zip") == work.text("whole/submission.zip"));
  // Further seeds are added to what is there.
  const io::Json more = io::to_json(run_glue(work.config("stopped", {"glue.seeds=3"})));
  CHECK(more["tasks"]["rte"]["runs"].size() == 3);
  CHECK(comparable(more["tasks"]["rte"]["runs"][1]) == comparable(whole["tasks"]["rte"]["runs"][1]));
}

TEST_CASE("a run goes on with all that it has results of") {
  const GlueWorkspace work;
  run_glue(work.config("a", {"glue.tasks=[cola]", "glue.seeds=[1,2]"}));
  const std::string archive = work.text("a/submission.zip"), results = work.text("a/results.json");
  const auto refused = [&](const std::string& tasks, const std::string& seeds) {
    return error_of([&] { run_glue(work.config("a", {"glue.tasks=" + tasks, "glue.seeds=" + seeds})); });
  };
  CHECK(refused("[rte]", "[1,2]").find("the run has results of cola, which glue.tasks leaves out") !=
        std::string::npos);
  CHECK(
      refused("[cola]", "[2]").find("the run has results of cola with seed 1, which glue.seeds leaves out") !=
      std::string::npos);
  CHECK_UNARY(work.text("a/submission.zip") == archive);
  CHECK(work.text("a/results.json") == results);
}

TEST_CASE("what a kill leaves behind is cleared away") {
  const GlueWorkspace work;
  const io::Json first = io::to_json(run_glue(work.config("a", {"glue.tasks=[rte]"})));
  fs::create_directories(work.dir / "a/RTE/seed-1/checkpoints");
  work.dir.write("a/RTE/model.h5.tmp-99999", "half");
  fs::remove(work.dir / "a/RTE/seed-2/result.json");
  CHECK(comparable(io::to_json(run_glue(work.config("a", {"glue.tasks=[rte]"})))) == comparable(first));
  CHECK_FALSE(fs::exists(work.dir / "a/RTE/seed-1/checkpoints"));
  CHECK_FALSE(fs::exists(work.dir / "a/RTE/model.h5.tmp-99999"));
}

TEST_CASE("other settings, another kind of folder, and a folder in use are refused") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  const auto with = [&](const std::string& extra) {
    std::vector<std::string> all = rte;
    all.push_back(extra);
    return work.config("a", all);
  };
  run_glue(work.config("a", rte));
  const std::string changed = error_of([&] { run_glue(with("train.lr=2e-2")); });
  CHECK(changed.find("train.lr: 0.01 in the run, 0.02 now") != std::string::npos);
  const std::string exception = error_of([&] { run_glue(with("per_task.rte.train.epochs=3")); });
  CHECK(exception.find("per_task.rte.train.epochs: not set in the run, 3 now") != std::string::npos);
  CHECK(error_of([&] { run_glue(with("resume=never")); }).find("already holds a run") != std::string::npos);
  work.dir.write("note.txt", "mine");
  CHECK(error_of([&] { run_glue(work.config("glue")); }).find("holds files but no run") != std::string::npos);
  {
    const io::RunLock lock(work.dir / "b");
    CHECK(error_of([&] { run_glue(work.config("b")); }).find("in use by") != std::string::npos);
  }
  fs::create_directories(work.dir / "other");
  work.dir.write("other/config.yaml", "task:\n  name: custom\n");
  CHECK(error_of([&] { run_glue(work.config("other")); }).find("a run of another kind") != std::string::npos);
}

TEST_CASE("other weights under the model's name are refused") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  io::Checkpoint model = io::load_checkpoint(work.dir / "model.h5");
  model.model[0].value.data()[20] += 1.0F;
  io::save_checkpoint(work.dir / "model.h5", model);
  const std::string message = error_of([&] { run_glue(work.config("a", rte)); });
  INFO(message);
  CHECK(message.find("model.h5: other weights than it had when the run was begun") != std::string::npos);
  CHECK(message.find("another `run` folder") != std::string::npos);
}

TEST_CASE("other rows under the data's names are refused, after the end and before it; moved ones are not") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  const io::Json first = io::to_json(run_glue(work.config("a", rte)));
  const std::string train = work.text("glue/RTE/train.tsv"), dev = work.text("glue/RTE/dev.tsv");
  const auto check_refused = [&](const std::string& what) {
    const std::string before = work.text("a/config.yaml");
    const std::string message = error_of([&] { run_glue(work.config("a", rte)); });
    INFO(message);
    CHECK(message.find(what) != std::string::npos);
    CHECK(message.find("another `run` folder") != std::string::npos);
    CHECK_UNARY(work.text("a/config.yaml") == before);
  };
  work.dir.write("glue/RTE/dev.tsv", dev.substr(0, dev.rfind('\n', dev.size() - 2) + 1));
  check_refused(
      "dev.tsv: other labels and texts than it had when the run was begun (24 rows then, 23 rows now)");
  work.dir.write("glue/RTE/dev.tsv", dev);
  std::string flipped = train;
  const std::size_t label = flipped.rfind("not_entailment");
  REQUIRE(label != std::string::npos);
  flipped.replace(label, 14, "entailment");
  work.dir.write("glue/RTE/train.tsv", flipped);
  check_refused("train.tsv: other labels than it had when the run was begun (48 rows then, 48 rows now)");
  // A second seed would otherwise be trained on other rows than the first.
  std::vector<std::string> more = rte;
  more[1] = "glue.seeds=2";
  CHECK(error_of([&] { run_glue(work.config("a", more)); }).find("train.tsv: other labels") !=
        std::string::npos);
  work.dir.write("glue/RTE/train.tsv", train);
  fs::rename(work.dir / "glue", work.dir / "moved");
  fs::rename(work.dir / "model.h5", work.dir / "moved.h5");
  more.push_back("glue.dir=" + (work.dir / "moved").string());
  more.push_back("model=" + (work.dir / "moved.h5").string());
  const io::Json again = io::to_json(run_glue(work.config("a", more)));
  CHECK(comparable(again)["tasks"]["rte"]["runs"][0] == comparable(first)["tasks"]["rte"]["runs"][0]);
}

TEST_CASE("a dev file that comes or goes between seeds is refused by name") {
  const GlueWorkspace work;
  const std::string file = "glue/MNLI/dev_mismatched.tsv", rows = work.text(file);
  const auto seeds = [&](const std::string& run, int count) {
    run_glue(
        work.config(run, {"glue.tasks=[mnli]", "glue.seeds=" + std::to_string(count), "train.epochs=1"}));
  };
  const auto check_refused = [&](const std::string& run, const std::string& what) {
    const std::string message = error_of([&] { seeds(run, 2); });
    INFO(message);
    CHECK(message.find("a/MNLI: dev_mismatched: " + (work.dir / "glue").string()) != std::string::npos);
    CHECK(message.find(what) != std::string::npos);
  };
  seeds("a", 1);
  fs::remove(work.dir / file);
  check_refused("a", "was read when the run was begun, but is not there now; put it back to resume");
  fs::remove_all(work.dir / "a");
  seeds("a", 1);
  work.dir.write(file, rows);
  check_refused("a", "was not there when the run was begun; move it away to resume");
}

TEST_CASE("test rows that changed are predicted again") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  const std::string test = work.text("glue/RTE/test.tsv");
  work.dir.write("glue/RTE/test.tsv", test.substr(0, test.rfind('\n', test.size() - 2) + 1));
  run_glue(work.config("a", rte));
  CHECK(count_lines(work.text("a/submission/RTE.tsv")) == count_lines(test) - 1);
}

TEST_CASE("a result.json that lacks a key, or has it of another type, is named with it") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  const std::string file = (work.dir / "a/RTE/seed-1/result.json").string();
  const io::Json whole = io::read_json(file);
  const auto error_with = [&](const io::Json& damaged) {
    work.dir.write("a/RTE/seed-1/result.json", damaged.dump());
    return error_of([&] { run_glue(work.config("a", rte)); });
  };
  const std::string way_out = "; delete this file, and the same command makes its training again";
  io::Json damaged = whole;
  damaged.erase("train_loss");
  CHECK(error_with(damaged) == file + ": the key \"train_loss\" is missing" + way_out);
  damaged = whole;
  damaged["epochs"][0]["scores"][0]["n"] = "24";
  CHECK(error_with(damaged) ==
        file + ": epochs[0].scores[0].n: expected a whole number, found the string \"24\"" + way_out);
  std::filesystem::remove(file);
  run_glue(work.config("a", rte));
  CHECK(io::read_json(file).at("train_loss") == whole.at("train_loss"));
}

TEST_CASE("a task's model that is lost or damaged is named with the way out, which leads to the same model") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  const std::filesystem::path model = work.dir / "a/RTE/model.h5";
  const std::uint64_t weights = io::list_checkpoint(model).weights_checksum;
  std::filesystem::resize_file(model, 1000);
  std::filesystem::remove(work.dir / "a/RTE/test.json");
  for (int i = 0; i < 2; ++i) {
    const std::string message = error_of([&] { run_glue(work.config("a", rte)); });
    INFO(message);
    CHECK(message.starts_with(model.string() + ": "));
    CHECK(message.ends_with("; it is that of RTE/seed-1, whose checkpoints are gone: delete it and " +
                            (work.dir / "a/RTE/seed-1/result.json").string() +
                            ", and the same command makes both again"));
    std::filesystem::remove(model);
  }
  std::filesystem::remove(work.dir / "a/RTE/seed-1/result.json");
  run_glue(work.config("a", rte));
  CHECK(io::list_checkpoint(model).weights_checksum == weights);
}

TEST_CASE("a run whose record of the model says nothing is not continued") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  work.dir.write("a/model.json", "{}");
  CHECK(error_of([&] { run_glue(work.config("a", rte)); }) ==
        (work.dir / "a/model.json").string() + ": the key \"inputs\" is missing");
}

TEST_CASE(
    "a task whose record of its model is lost is named with it, and one cut off before it is made whole") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  std::filesystem::remove(work.dir / "a/RTE/model.json");
  const std::string message = error_of([&] { run_glue(work.config("a", rte)); });
  CHECK(message.starts_with((work.dir / "a/RTE/model.json").string() + " is missing, "));
  std::filesystem::remove(work.dir / "a/RTE/seed-1/result.json");
  run_glue(work.config("a", rte));
  CHECK(std::filesystem::exists(work.dir / "a/RTE/model.json"));
}

TEST_CASE("scores of rows that nobody recorded are not joined by others") {
  const GlueWorkspace work;
  const std::vector<std::string> rte = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=1"};
  run_glue(work.config("a", rte));
  std::filesystem::remove(work.dir / "a/RTE/inputs.json");
  CHECK(error_of([&] {
          run_glue(work.config("a", rte));
        }).starts_with((work.dir / "a/RTE/inputs.json").string() + " is missing"));
}

TEST_CASE("a faulty file is found before anything is trained") {
  const GlueWorkspace work;
  work.dir.write("glue/MNLI/dev_mismatched.tsv", "index\tsentence1\tsentence2\tgold_label\n0\ta\tb\tmaybe\n");
  const std::string error = error_of([&] { run_glue(work.config("a")); });
  CHECK(error.find("label `maybe` at ") == 0);
  CHECK(error.find("dev_mismatched.tsv:2") != std::string::npos);
  CHECK_FALSE(fs::exists(work.dir / "a"));
  CHECK(error_of([&] {
          run_glue(work.config("a", {"glue.tasks=[sst2]"}));
        }).find("holds none of these tasks: sst2") != std::string::npos);
  CHECK(error_of([&] { run_glue(work.config("a", {"glue.tasks=[rte, RTE]"})); }) ==
        "glue.tasks: `RTE` is named twice");
  CHECK(error_of([&] {
          run_glue(work.config("a", {"per_task.imdb.train.epochs=3"}));
        }).find("no task `imdb`") != std::string::npos);
}

}  // namespace espalier::glue
