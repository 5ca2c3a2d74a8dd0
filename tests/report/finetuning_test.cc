// Reports of fine-tunings and GLUE runs.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "espalier/config/fields.h"
#include "espalier/config/finetune_config.h"
#include "espalier/config/glue_config.h"
#include "espalier/glue/results.h"
#include "espalier/report/report.h"
#include "espalier/train/finetune_results.h"
#include "tests/report/report_support.h"

namespace espalier::testing {
namespace {

using report::html_report;
using report::text_report;

constexpr const char* kPredictions =
    "index\tline\tlabel\tprediction\tprobability\n"
    "0\t2\tgood\tgood\t0.900000\n"
    "1\t3\tgood\t<b>bad</b>\t0.700000\n"
    "2\t4\t<b>bad</b>\tgood\t0.950000\n";
constexpr const char* kTexts =
    "sentence\tlabel\n"
    "fine\tgood\n"
    "a \"<script>alert(1)</script>\"\tgood\n"
    "dull & grey\t<b>bad</b>\n";

std::filesystem::path write_finetuning(const TempDir& dir, const std::string& name, double score) {
  const std::filesystem::path run = dir / name;
  std::filesystem::create_directories(run);
  config::FinetuneConfig config;
  config.task.dev = dir.write("dev.tsv", kTexts).string();
  std::ofstream(run / "config.yaml") << config::dump(config);
  std::ofstream(run / "predictions_dev.tsv") << kPredictions;
  std::ofstream lines(run / "metrics.jsonl");
  for (std::int64_t step = 1; step <= 3; ++step) {
    lines
        << io::to_json(train::FinetuneStep{step, 0.5 * static_cast<double>(step), 0.6, 1e-4, 3.0, {}}).dump()
        << "\n";
  }
  train::FinetuneEvaluation evaluation{
      .step = 3, .epoch = 1.5, .sets = {}, .best = true, .warnings = {"odd < even"}};
  evaluation.sets.push_back({.suffix = "", .loss = 0.5, .metrics = {}, .samples = 3});
  evaluation.sets[0].metrics.push_back({"accuracy", score, metrics::Interval{score - 0.125, score + 0.125}});
  lines << io::to_json(evaluation).dump() << "\n";
  return run;
}

TEST_CASE("a fine-tuning: curves, scores, confusion and the rows it is surest and wrong about") {
  const TempDir dir;
  const auto run = write_finetuning(dir, "task", 0.5);
  const std::string html = html_report({run});
  check_page(html);
  for (const char* id : {"finetuning", "scores", "predictions"}) {
    INFO(id);
    CHECK(contains(html, fmt::format("<section id=\"{}\">", id)));
  }
  CHECK(contains(html, "accuracy 50.0 [37.5, 62.5]"));
  CHECK(contains(html, "<title>accuracy, task: 50.0 [37.5, 62.5]</title>"));
  CHECK(contains(html, "2 of 3 rows are wrong (66.7 %)"));
  CHECK(contains(html, "odd &lt; even"));
  // The surer of the two first, with its text; markup in labels and texts is text.
  const std::size_t first = html.find("dull &amp; grey");
  const std::size_t second = html.find("a &quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;");
  REQUIRE(second != std::string::npos);
  CHECK(first < second);
  CHECK(contains(html, "<th scope=\"row\">&lt;b&gt;bad&lt;/b&gt;</th>"));
  CHECK(contains(text_report({run}), "2 of 3 rows are wrong"));
  CHECK(contains(text_report({run}), "accuracy             0.5  [0.375, 0.625]"));
}

TEST_CASE("of very many evaluations the best is named, whichever are drawn") {
  const TempDir dir;
  const auto run = write_finetuning(dir, "task", 0.5);
  std::ofstream lines(run / "metrics.jsonl");
  for (std::int64_t step = 1; step <= 700; ++step) {
    train::FinetuneEvaluation evaluation{.step = step,
                                         .epoch = 0.01 * static_cast<double>(step),
                                         .sets = {},
                                         .best = step == 334,
                                         .warnings = {}};
    evaluation.sets.push_back({.suffix = "", .loss = 0.5, .metrics = {}, .samples = 3});
    evaluation.sets[0].metrics.push_back({"accuracy", step == 334 ? 0.875 : 0.25, {}});
    lines << io::to_json(evaluation).dump() << "\n";
  }
  lines.close();
  CHECK(contains(html_report({run}), "<td class=\"n\">accuracy 25.0</td><td class=\"n\">accuracy 87.5</td>"));
}

TEST_CASE("without its data a fine-tuning shows line numbers and says why") {
  const TempDir dir;
  const auto run = write_finetuning(dir, "task", 0.5);
  std::filesystem::remove(dir / "dev.tsv");
  const std::string html = html_report({run});
  check_page(html);
  CHECK(contains(html, "the texts cannot be shown: " + (dir / "dev.tsv").string()));
  CHECK(contains(html, "<tr><th scope=\"row\">4</th>"));
  std::ofstream(run / "predictions_dev.tsv") << "index\tline\n0\tx\n";
  CHECK(contains(html_report({run}), "predictions_dev.tsv"));
}

TEST_CASE("texts of rows that are others by now are not shown") {
  const TempDir dir;
  const auto run = write_finetuning(dir, "task", 0.5);
  dir.write("dev.tsv", "sentence\tlabel\nanother\tgood\n" + std::string(kTexts).substr(15));
  const std::string html = html_report({run});
  CHECK(contains(html, "the texts are not shown: " + (dir / "dev.tsv").string() +
                           " has changed since (line 4 had the label &lt;b&gt;bad&lt;/b&gt;)"));
  CHECK_FALSE(contains(html, "dull &amp; grey"));
}

TEST_CASE("recall counts the rows whose prediction is of a class that is not shown") {
  const TempDir dir;
  const auto run = write_finetuning(dir, "task", 0.5);
  std::string rows = "index\tline\tlabel\tprediction\tprobability\n";
  int line = 2;
  const auto add = [&](const std::string& label, const std::string& prediction, int count) {
    for (int i = 0; i < count; ++i, ++line)
      rows += fmt::format("{0}\t{0}\t{1}\t{2}\t0.5\n", line, label, prediction);
  };
  add("c00", "c00", 1);
  add("c00", "z24", 9);
  for (int c = 1; c < 24; ++c) add(fmt::format("c{:02}", c), fmt::format("c{:02}", c), 2);
  std::ofstream(run / "predictions_dev.tsv") << rows;
  const std::string html = html_report({run});
  const std::size_t row = html.find("<tr><th scope=\"row\">c00</th>");
  REQUIRE(row != std::string::npos);
  const std::string cells = html.substr(row, html.find("</tr>", row) - row);
  CHECK(cells.ends_with("<td class=\"n wrong\">9</td><td class=\"n\">10.0 %</td>"));
}

TEST_CASE("two fine-tunings are named by what tells their paths apart") {
  const TempDir dir;
  const auto a = write_finetuning(dir, "a/seed-1", 0.5), b = write_finetuning(dir, "b/seed-1", 0.75);
  const std::string html = html_report({a, b});
  check_page(html);
  CHECK(contains(html, "<title>accuracy, a/seed-1: 50.0 [37.5, 62.5]</title>"));
  CHECK(contains(html, "<title>accuracy, b/seed-1: 75.0 [62.5, 87.5]</title>"));
  CHECK(contains(html, "Their configurations are the same."));
}

glue::GlueResults glue_results() {
  glue::GlueResults results;
  results.model.path = "my <model>";
  results.seeds = {1};
  glue::GlueTaskScores task;
  task.title = "RTE";
  task.metric = "accuracy";
  task.score = 61.5;
  glue::GlueSpreads spreads{.set = "dev", .metric = "accuracy", .n = 277, .last = {}, .best = {}};
  spreads.last.median = 0.615;
  spreads.last.low = 0.55;
  spreads.last.high = 0.68;
  task.scores = {spreads};
  task.warnings = {"every row was predicted <positive>"};
  results.tasks.emplace_back("rte", task);
  glue::GlueBaseline baseline;
  baseline.run = "words";
  glue::GlueComparison comparison;
  comparison.score = 61.5;
  comparison.baseline = 50;
  comparison.share = 1.23;
  comparison.difference = 11.5;
  comparison.low = 2;
  comparison.high = 20;
  baseline.tasks.emplace_back("rte", comparison);
  results.baseline = baseline;
  return results;
}

TEST_CASE("GLUE: beside its baseline, the published models and another program's run") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "run");
  std::filesystem::create_directories(dir / "other");
  config::GlueConfig config;
  dir.write("run/config.yaml", config::dump(config));
  dir.write("run/results.json", io::json_text(io::to_json(glue_results())));
  dir.write(
      "other/results.json",
      R"({"model": "bag of words", "epoch": "last", "tasks": {"rte": {"score": 53.1, "scores": [], "runs": []}}})");
  const std::string html = html_report({dir / "run", dir / "other"});
  check_page(html);
  CHECK(contains(html, "<section id=\"glue\">"));
  CHECK(contains(html, "<title>RTE, run: 61.5 [55.0, 68.0]</title>"));
  CHECK(contains(html, "<title>RTE, other: 53.1</title>"));
  CHECK(contains(html, "<title>RTE, BERT-base: 66.4</title>"));
  CHECK(contains(html, "11.5 [2.0, 20.0]"));
  CHECK(contains(html, "is that of the seed in the middle"));
  CHECK(contains(html, "123.0 %"));
  CHECK(contains(html, "my &lt;model&gt;"));
  CHECK(contains(html, "every row was predicted &lt;positive&gt;"));
  CHECK(contains(html, "run: not all tasks are there"));
  CHECK(contains(text_report({dir / "run"}), "RTE"));
}

TEST_CASE("GLUE: predictions of all seeds, rows by how many of them are surely wrong") {
  const TempDir dir;
  glue::GlueResults results = glue_results();
  for (const std::string seed : {"1", "2"}) {
    glue::GlueTraining& run = results.tasks[0].second.runs.emplace_back();
    run.folder = "RTE/seed-" + seed;
    std::filesystem::create_directories(dir / ("run/" + run.folder));
  }
  dir.write("run/results.json", io::json_text(io::to_json(results)));
  const std::string header = "index\tline\tlabel\tprediction\tprobability\n";
  dir.write("run/RTE/seed-1/predictions_dev.tsv",
            header + "0\t2\ta\tb\t0.6\n1\t3\ta\tb\t0.9\n2\t4\tb\tb\t0.9\n");
  dir.write("run/RTE/seed-2/predictions_dev.tsv",
            header + "0\t2\ta\tb\t0.7\n1\t3\ta\ta\t0.9\n2\t4\tb\tb\t0.9\n");
  const std::string html = html_report({dir / "run"});
  check_page(html);
  CHECK(contains(html, "3 of 6 rows of 2 seeds together are wrong (50.0 %)"));
  const std::size_t both = html.find("<td>0.650</td>"), one = html.find("<td>0.900</td>");
  REQUIRE(both != std::string::npos);
  REQUIRE(one != std::string::npos);
  CHECK(both < one);
  CHECK(contains(html, ">2 of 2</td>"));
  CHECK(contains(html, ">1 of 2</td>"));
}

TEST_CASE("a GLUE run whose first task is not finished") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "run");
  config::GlueConfig config;
  config.model = "runs/oak";
  dir.write("run/config.yaml", config::dump(config));
  const std::string html = html_report({dir / "run"});
  check_page(html);
  CHECK(contains(html, "there is no results.json yet: no task is finished"));
  CHECK(contains(text_report({dir / "run"}), "GLUE with runs/oak\n"));
}

TEST_CASE("a GLUE run whose results are damaged is named, and the others are drawn") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "run");
  std::filesystem::create_directories(dir / "cut");
  const std::string results = io::json_text(io::to_json(glue_results()));
  dir.write("run/results.json", results);
  dir.write("cut/results.json", results.substr(0, results.size() / 2));
  const std::string html = html_report({dir / "run", dir / "cut"});
  check_page(html);
  CHECK(contains(html, "<title>RTE, run: 61.5 [55.0, 68.0]</title>"));
  CHECK(contains(html, "cut/results.json: "));
  CHECK(contains(text_report({dir / "run", dir / "cut"}), "cut/results.json: "));
}

}  // namespace
}  // namespace espalier::testing
