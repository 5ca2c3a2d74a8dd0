// ctest-label: threads
#include "espalier/glue/glue.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "espalier/data/glue.h"
#include "espalier/io/text_file.h"
#include "espalier/model/inference.h"
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

// Writes the labels of a regression's predictions anew: index, line, label, prediction.
void change_labels(const fs::path& file, const std::function<std::string(double)>& changed) {
  std::ifstream in(file);
  std::string header, row, line, label, prediction;
  std::getline(in, header);
  REQUIRE(header == "index\tline\tlabel\tprediction");
  std::string text = header + '\n';
  while (in >> row >> line >> label >> prediction) {
    text += fmt::format("{}\t{}\t{}\t{}\n", row, line, changed(std::stod(label)), prediction);
  }
  in.close();
  std::ofstream(file) << text;
}

// As another program reads results.json.
GlueResults read(const io::Json& results) {
  return io::from_json<GlueResults>(io::JsonView(results, "results.json"));
}

}  // namespace

TEST_CASE("a run: every task, seed, epoch and metric; what is missing is reported, nothing is invented") {
  const GlueWorkspace work;
  const io::Json results =
      io::to_json(run_glue(work.config("a", {"glue.tasks=[cola, stsb, sst2, rte, mnli, wnli]"})));
  CHECK(io::parse_json(work.text("a/results.json"), "results") == results);
  CHECK(results["complete"] == true);
  CHECK(results["tasks"].size() == 4);
  CHECK(results["skipped"].size() == 2);
  CHECK(results["skipped"]["sst2"].get<std::string>().find("SST-2/train.tsv") != std::string::npos);
  CHECK(results["model"]["neurons"] == 15);
  CHECK(results["model"]["neurons_used"] == 4);
  for (const auto& entry : results["tasks"].items()) {
    const std::string& name = entry.key();
    const io::Json& task = entry.value();
    INFO(name);
    REQUIRE(task["runs"].size() == 2);
    for (const io::Json& run : task["runs"]) {
      CHECK(run["train_rows"] == 48);
      CHECK(run["epochs"].size() == 2);
      for (const io::Json& epoch : run["epochs"]) {
        CHECK(epoch["scores"].size() == task["scores"].size());
        for (const io::Json& score : epoch["scores"]) {
          CHECK(score["n"] == (score["set"] == "dev_mismatched" ? 12 : 24));
          if (score["value"].is_null() || score["low"].is_null()) continue;
          CHECK(score["low"].get<double>() <= score["high"].get<double>());
        }
      }
      const fs::path folder = work.dir / "a" / run["folder"].get<std::string>();
      CHECK(io::read_json(folder / "result.json") == run);
      CHECK(fs::exists(folder / "predictions_dev.tsv"));
      CHECK(fs::exists(folder / "predictions_best_dev.tsv"));
      CHECK_FALSE(fs::exists(folder / "checkpoints"));
      CHECK_FALSE(fs::exists(folder / "last.h5"));
    }
  }
  CHECK(results["tasks"]["mnli"]["scores"].size() == 2);
  CHECK(results["tasks"]["cola"]["scores"].size() == 2);
  CHECK(results["average"]["with_cola"].is_null());
  CHECK(results["average"]["missing"].size() == 4);
}

TEST_CASE("the headline is the median over seeds, for MNLI the mean of both dev files") {
  const GlueWorkspace work;
  const io::Json results =
      io::to_json(run_glue(work.config("a", {"glue.seeds=3", "glue.tasks=[rte, mnli]"})));
  std::vector<double> last;
  for (const io::Json& run : results["tasks"]["rte"]["runs"]) {
    last.push_back(run["epochs"][1]["scores"][0]["value"].get<double>());
  }
  std::sort(last.begin(), last.end());
  const io::Json& spread = results["tasks"]["rte"]["scores"][0]["last"];
  CHECK(spread["median"] == last[1]);
  CHECK(spread["min"] == last[0]);
  CHECK(spread["max"] == last[2]);
  CHECK(results["tasks"]["rte"]["score"].get<double>() == doctest::Approx(100 * last[1]));
  const io::Json& mnli = results["tasks"]["mnli"];
  CHECK(mnli["score"].get<double>() ==
        doctest::Approx(50 * (mnli["scores"][0]["last"]["median"].get<double>() +
                              mnli["scores"][1]["last"]["median"].get<double>())));
}

TEST_CASE("train.max_steps limits each training, and may be another for one task") {
  const GlueWorkspace work;
  const std::vector<std::string> limits = {"glue.tasks=[rte, cola]", "train.max_steps=4",
                                           "per_task.cola.train.max_steps=1"};
  const io::Json results = io::to_json(run_glue(work.config("a", limits)));
  CHECK(results["complete"] == true);
  for (const auto& [task, steps] : {std::pair{"rte", 4}, std::pair{"cola", 1}}) {
    REQUIRE(results["tasks"][task]["runs"].size() == 2);
    for (const io::Json& run : results["tasks"][task]["runs"]) {
      CHECK(run["epochs"].back()["step"] == steps);
    }
  }
  // The trainings that are done had this limit: those to come must too.
  const std::string message = error_of([&] { run_glue(work.config("a", {"glue.tasks=[rte, cola]"})); });
  CHECK(message.find("train.max_steps: 4 in the run, 0 now") != std::string::npos);
  CHECK(message.find("per_task.cola.train.max_steps: 1 in the run, not set now") != std::string::npos);
}

TEST_CASE("tasks may have seeds of their own, and get more of them later") {
  const GlueWorkspace work;
  const std::vector<std::string> tasks = {"glue.tasks=[rte, cola]", "train.epochs=1"};
  const auto with = [&](const std::string& name, const std::string& seeds) {
    std::vector<std::string> overrides = tasks;
    if (!seeds.empty()) overrides.push_back("per_task.rte.seeds=" + seeds);
    return work.config(name, overrides);
  };
  const io::Json plain = io::to_json(run_glue(with("plain", "")));
  const io::Json results = io::to_json(run_glue(with("a", "[2]")));
  CHECK(results["tasks"]["rte"]["runs"].size() == 1);
  CHECK(comparable(results["tasks"]["rte"]["runs"][0]) == comparable(plain["tasks"]["rte"]["runs"][1]));
  CHECK(results["tasks"]["cola"]["runs"].size() == 2);
  CHECK(glue_table(read(results)).find("median of 1 to 2 seeds") != std::string::npos);
  CHECK(glue_markdown(read(results)).find("Median of 1 to 2 seeds, last epoch") != std::string::npos);
  CHECK(glue_table(read(plain)).find("median of 2 seeds") != std::string::npos);
  const io::Json more = io::to_json(run_glue(with("a", "")));
  for (const char* key : {"runs", "scores"}) {
    CHECK(comparable(more["tasks"]["rte"][key]) == comparable(plain["tasks"]["rte"][key]));
  }
}

TEST_CASE("the submission is the best seed's predictions, the diagnostics by the MNLI model") {
  const GlueWorkspace work;
  const io::Json results = io::to_json(run_glue(work.config("a")));
  CHECK(results["submission"]["files"] ==
        io::Json({"CoLA.tsv", "RTE.tsv", "MNLI-m.tsv", "MNLI-mm.tsv", "AX.tsv"}));
  CHECK(results["submission"]["warnings"].dump().find(
            "CoLA.tsv: 10 rows, but the official test file has 1063") != std::string::npos);
  CHECK(results["submission"]["warnings"].dump().find("STS-B.tsv") != std::string::npos);
  CHECK(work.text("a/submission.zip").starts_with("PK"));
  const io::Json& task = results["tasks"]["mnli"];
  std::string best;
  double top = -1;
  for (const io::Json& run : task["runs"]) {
    const double score = run["epochs"][1]["scores"][0]["value"].get<double>();
    if (score > top) best = run["folder"].get<std::string>();
    top = std::max(top, score);
  }
  CHECK(task["tests"]["folder"] == best);
  model::LoadedModel model = model::load_model(work.dir / "a/MNLI/model.h5");
  CHECK(model.metadata["glue"]["folder"] == best);
  const data::LabelledData ax = data::read_glue(data::find_glue_task("mnli"), work.dir / "glue", "ax");
  std::string expected = "index\tprediction\n";
  for (std::size_t i = 0; i < ax.rows.size(); ++i) {
    const std::vector<model::TextPair> text = {{ax.rows[i].text, ax.rows[i].text_pair}};
    expected += fmt::format("{}\t{}\n", i, model::classify(model, text, {})[0].label);
  }
  CHECK(work.text("a/submission/AX.tsv") == expected);
  CHECK(count_lines(expected) == 11);
}

TEST_CASE("MNLI without its mismatched file is scored on the matched one") {
  const GlueWorkspace work;
  fs::remove(work.dir / "glue/MNLI/dev_mismatched.tsv");
  const io::Json results =
      io::to_json(run_glue(work.config("a", {"glue.tasks=[mnli]", "glue.seeds=1", "train.epochs=1"})));
  CHECK(results["tasks"]["mnli"]["scores"].size() == 1);
  CHECK(results["tasks"]["mnli"]["scores"][0]["set"] == "dev_matched");
}

TEST_CASE("a sweep tries every pair with the first seed and keeps the best for all") {
  const GlueWorkspace work;
  const io::Json results =
      io::to_json(run_glue(work.config("a", {"glue.tasks=[rte]", "train.lr=4e-5", "sweep.lr=[1e-9, 1e-2]",
                                             "sweep.batch_size=[8, 16]", "per_task.rte.train.epochs=3"})));
  const io::Json& task = results["tasks"]["rte"];
  REQUIRE(task["sweep"].size() == 4);
  double top = -1;
  io::Json best;
  for (const io::Json& tried : task["sweep"]) {
    CHECK(tried["seed"] == 1);
    if (tried["value"].get<double>() > top) best = tried;
    top = std::max(top, tried["value"].get<double>());
  }
  CHECK(task["lr"] == best["lr"]);
  CHECK(task["batch_size"] == best["batch_size"]);
  REQUIRE(task["runs"].size() == 2);
  CHECK(task["runs"][0]["folder"] == best["folder"]);
  CHECK(task["runs"][1]["lr"] == best["lr"]);
  CHECK(task["runs"][1]["epochs"].size() == 3);
}

TEST_CASE("a baseline: what is kept, and whether the difference could be chance") {
  const GlueWorkspace work;
  run_glue(work.config("base"));
  const std::string baseline = "glue.baseline=" + (work.dir / "base").string();
  const io::Json same = io::to_json(run_glue(work.config("same", {baseline})))["baseline"];
  CHECK(same["tasks"].size() >= 3);
  CHECK(same["with_cola"]["share"] == 1.0);
  CHECK(same["with_cola"]["difference"] == 0.0);
  const io::Json worse = io::to_json(
      run_glue(work.config("worse", {baseline, "train.lr=1e-9", "glue.tasks=[rte, mnli, cola]"})));
  const io::Json& rte = worse["baseline"]["tasks"]["rte"];
  CHECK(rte["score"].get<double>() == doctest::Approx(worse["tasks"]["rte"]["score"].get<double>()));
  CHECK(rte["difference"].get<double>() ==
        doctest::Approx(rte["score"].get<double>() - rte["baseline"].get<double>()));
  CHECK(rte["low"].get<double>() <= rte["difference"].get<double>());
  CHECK(rte["high"].get<double>() >= rte["difference"].get<double>());
  CHECK(worse["baseline"]["without_cola"]["tasks"] == io::Json({"rte", "mnli"}));
  CHECK(worse["baseline"]["settings"].dump().find("train.lr: 1e-09, there ") != std::string::npos);
  CHECK_FALSE(same.contains("settings"));
  CHECK(glue_table(read(worse)).find("without CoLA") != std::string::npos);
  const io::Json few =
      io::to_json(run_glue(work.config("few", {baseline, "train.epochs=1", "glue.tasks=[rte]"})))["baseline"];
  CHECK(few["without_cola"]["tasks"] == io::Json({"rte"}));
  CHECK(few["with_cola"].is_null());
  CHECK(error_of([&] { run_glue(work.config("same", {baseline + "/no"})); }).find("holds no results.json") !=
        std::string::npos);
}

TEST_CASE("a baseline of another program: more digits are the same label, other labels are refused") {
  const GlueWorkspace work;
  const std::vector<std::string> settings = {"glue.tasks=[stsb]", "glue.seeds=1"};
  const io::Json base = io::to_json(run_glue(work.config("base", settings)));
  const fs::path file = work.dir / "base" / base["tasks"]["stsb"]["runs"][0]["folder"].get<std::string>() /
                        "predictions_dev.tsv";
  std::vector<std::string> against = settings;
  against.push_back("glue.baseline=" + (work.dir / "base").string());
  // The least that a comparison needs, as experiments/glue/baselines.py writes it.
  const io::Json words = {{"path", "words"}};
  const io::Json& own = base["tasks"]["stsb"];
  const io::Json task = {{"score", own["score"]},
                         {"scores", io::Json::array({{{"set", "dev"}}})},
                         {"runs", io::Json::array({{{"folder", own["runs"][0]["folder"]}}})}};
  const io::Json results = {{"model", words}, {"epoch", "last"}, {"tasks", {{"stsb", task}}}};
  io::write_text_atomically(work.dir / "base" / "results.json", io::json_text(results, 1));
  change_labels(file, [](double label) { return fmt::format("{:.15f}", label * (1 + 1e-9)); });
  const GlueBaseline baseline = run_glue(work.config("same", against)).baseline.value();
  CHECK(baseline.model == words);
  CHECK(baseline.tasks.at(0).second.difference == 0.0);
  change_labels(file, [](double label) { return fmt::format("{}", label + 0.5); });
  CHECK(error_of([&] { run_glue(work.config("other", against)); }).find("not of the same rows") !=
        std::string::npos);
}

TEST_CASE("best and last epoch are both reported; glue.epoch says which one counts") {
  const GlueWorkspace work;
  const std::vector<std::string> settings = {"glue.tasks=[rte]", "glue.seeds=1", "train.epochs=4",
                                             "train.lr=0.05"};
  std::vector<std::string> best = settings;
  best.push_back("glue.epoch=best");
  const io::Json last_run = io::to_json(run_glue(work.config("last", settings)));
  const io::Json best_run = io::to_json(run_glue(work.config("best", best)));
  const io::Json& spread = best_run["tasks"]["rte"]["scores"][0];
  CHECK(spread == last_run["tasks"]["rte"]["scores"][0]);
  CHECK(spread["best"]["median"].get<double>() >= spread["last"]["median"].get<double>());
  CHECK(best_run["tasks"]["rte"]["score"].get<double>() ==
        doctest::Approx(100 * spread["best"]["median"].get<double>()));
  CHECK(glue_table(read(best_run)).find("last epoch") != std::string::npos);
}

TEST_CASE("a degenerate score is said to be one, in every output") {
  const GlueWorkspace work;
  const io::Json results =
      io::to_json(run_glue(work.config("a", {"glue.tasks=[cola, rte]", "train.lr=1e-9", "train.epochs=1"})));
  const io::Json& warnings = results["tasks"]["cola"]["warnings"];
  REQUIRE(warnings.size() >= 1);
  CHECK(warnings.dump().find("matthews_correlation: only one class was predicted") != std::string::npos);
  CHECK(warnings.dump().find("of 2 seeds)") != std::string::npos);
  // Accuracy says nothing of itself.
  CHECK(results["tasks"]["rte"]["warnings"].dump().find("accuracy: only one class was predicted (`") !=
        std::string::npos);
  CHECK(glue_table(read(results)).find("CoLA: matthews_correlation: only one class") != std::string::npos);
  CHECK(work.text("a/results.md").find("- CoLA: matthews_correlation: only one class") != std::string::npos);
}

TEST_CASE("results.md: the published rows are marked, a subset is said to be one") {
  const GlueWorkspace work;
  run_glue(work.config("a", {"task.max_train=32", "glue.seeds=1", "train.epochs=1"}));
  const std::string text = work.text("a/results.md");
  CHECK(text.find("| model | neurons, used | RTE | MRPC | STSB | SST2 | MNLI | QNLI | QQP | avg w/o CoLA | "
                  "CoLA | avg |") != std::string::npos);
  CHECK(text.find("| 1x11 (published) | 4095, 0.3 % | 57.8 | 88.1 | 86.1 | 89.7 | 80.2 | 89.3 | 87.1 | 82.3 "
                  "| 37.1 | 77.3 |") != std::string::npos);
  CHECK(text.find("- RTE: trained on 32 of the 2490 official rows.") != std::string::npos);
  CHECK(text.find("dev_mismatched has 12 of the 9832 official rows") != std::string::npos);
  CHECK(text.find("1x3") != std::string::npos);
}

}  // namespace espalier::glue
