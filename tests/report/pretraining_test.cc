// Reports of pretrainings: what is on the page, and what is said of folders that are not whole.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "espalier/config/fields.h"
#include "espalier/config/pretrain_config.h"
#include "espalier/io/checkpoint.h"
#include "espalier/report/report.h"
#include "tests/report/report_support.h"

namespace espalier::testing {
namespace {

using report::html_report;
using report::text_report;

TEST_CASE("a pretraining: every part is there") {
  const TempDir dir;
  const std::string html = html_report({write_pretraining(dir, "run", 40)});
  check_page(html);
  for (const char* id : {"pretraining", "loss", "training", "evaluations", "anneal", "trees"}) {
    INFO(id);
    CHECK(contains(html, fmt::format("<section id=\"{}\">", id)));
  }
  for (const char* title :
       {"Loss of masked words", "Learning rate", "Gradient norm", "Batch size", "Speed of training",
        "Resident memory", "Hardening gap", "Nodes that survive pruning", "Entropy of decisions",
        "Undecided share of decisions", "Leaves used", "over wall time"}) {
    INFO(title);
    CHECK(contains(html, title));
  }
  CHECK(contains(html, "<td class=\"n\">40</td><td class=\"n\">40 k</td><td class=\"n\">1 min 20 s</td>"));
  // The value under the pointer in a heat map: layer, level and place.
  CHECK(contains(html, "<title>layer 1, level 2, 40 k tokens: 0.100</title>"));
  // Two of the eight leaves of the one tree are dead.
  CHECK(contains(html, "<td class=\"n\">75.0 %</td><td class=\"n\">2</td>"));
  CHECK(!contains(html, "left out:"));
}

TEST_CASE("visits that are logged become icicles") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 10);
  CHECK(!contains(html_report({run}), "<section id=\"visits\">"));
  train::PretrainEvaluation line{11, 11'000, {}, {}};
  line.scores.loss = line.scores.perplexity = 3;
  train::TreeScores layer;
  layer.entropy = layer.undecided = {0.1, 0.1};
  layer.leaf_perplexity = {2, 3};
  layer.visits = {{6, 0, 1, 1}, {2, 2, 2, 2}};
  line.scores.routing = {layer};
  std::ofstream(run / "metrics.jsonl", std::ios::app) << io::to_json(line).dump() << "\n";
  const std::string html = html_report({run});
  check_page(html);
  CHECK(contains(html, "<title>tree 0, root: 8 tokens, 100.0 %</title>"));
  CHECK(contains(html, "<title>tree 0, L: 6 tokens, 75.0 %</title>"));
  CHECK(contains(html, "<title>tree 1, RL: 2 tokens, 25.0 %</title>"));
  CHECK(!contains(html, "tree 0, LR"));
  CHECK(contains(html, "1 of 8 leaves are never reached."));
}

TEST_CASE("the page of a long run of a large model stays below three megabytes") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 0);
  train::TreeScores layer;
  layer.entropy.assign(11, 0.5);
  layer.undecided.assign(11, 0.25);
  layer.leaf_perplexity = {900};
  layer.visits = {std::vector<std::int64_t>(64, 10)};
  train::PretrainEvaluation evaluation{0, 0, {}, {}};
  evaluation.scores.loss = evaluation.scores.perplexity = 3;
  for (; layer.layer < 16; ++layer.layer) evaluation.scores.routing.push_back(layer);
  std::ofstream lines(run / "metrics.jsonl");
  for (std::int64_t step = 1; step <= 6000; ++step) {
    lines << step_line(step, 3 + 0.001 * static_cast<double>(step * 7919 % 1000));
    if (step % 100 != 0) continue;
    evaluation.step = step;
    evaluation.tokens = 1000 * step;
    lines << io::to_json(evaluation).dump() << "\n";
  }
  lines.close();
  const std::string html = html_report({run});
  CHECK(html.size() < 3'000'000);
  CHECK(contains(html, "20 of 60 evaluations"));
  CHECK(contains(html, "layer 15, level 10, 6 M tokens"));
}

TEST_CASE("the page of many runs draws less, and says so") {
  const TempDir dir;
  std::vector<std::filesystem::path> runs;
  for (int i = 0; i < 12; ++i) {
    runs.push_back(write_pretraining(dir, fmt::format("run{}", i), 0));
    std::ofstream lines(runs.back() / "metrics.jsonl");
    for (std::int64_t step = 1; step <= 400; ++step) {
      lines << step_line(step, 3 + 0.001 * static_cast<double>(step * (7919 + i) % 1000));
      if (step % 20 == 0) lines << evaluation_line(step, 3, 16, 1);
    }
  }
  const std::string html = html_report(runs);
  check_page(html);
  CHECK(html.size() < 3'000'000);
  CHECK(contains(html, "is drawn here in 1/"));
  CHECK(contains(html, "run11, held out"));
  CHECK(html == html_report(runs));
  CHECK(!contains(html_report({runs[0]}), "is drawn here in 1/"));
}

TEST_CASE("a distillation shows its own scores") {
  const TempDir dir;
  config::PretrainConfig config;
  config.distill.layers = {2, 5};
  const auto run = write_pretraining(dir, "run", 0, config::dump(config));
  std::ofstream lines(run / "metrics.jsonl");
  for (const std::int64_t step : {1, 2}) {
    train::DistillEvaluation line{step, 1000 * step, {}};
    line.scores.layers = {2, 5};
    line.scores.layer_errors = {0.5, 0.25 / static_cast<double>(step)};
    line.scores.hidden_error = 0.75 / static_cast<double>(step);
    line.scores.kl_divergence = 0.25;
    lines << step_line(step, 0.5) << io::to_json(line).dump() << "\n";
  }
  lines.close();
  const std::string html = html_report({run});
  check_page(html);
  CHECK(contains(html, "<h2>Distillation</h2>"));
  CHECK(contains(html, "Loss of distillation"));
  CHECK(contains(html, "Relative error of each new layer"));
  const std::string text = text_report({run});
  CHECK(contains(text, "run: distillation, 2 steps"));
  CHECK(contains(text, "  KL divergence "));
  CHECK(contains(text, "  error of layer 5 "));
  CHECK(contains(html,
                 "<td class=\"n\">0.3750</td><td class=\"n\">0.2500</td><td class=\"n\">0.5000</td><td "
                 "class=\"n\">0.1250</td>"));
  CHECK(!contains(html, "Loss of masked words"));
  const auto other = write_pretraining(dir, "other", 10);
  const std::string both = html_report({run, other});
  check_page(both);
  CHECK(contains(both, "<h2>Pretraining and distillation</h2>"));
  CHECK(contains(both, "Loss of masked words"));
}

TEST_CASE("a torn last line is left out and said, as is one that is no line of a run") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 12);
  std::ofstream(run / "metrics.jsonl", std::ios::app) << R"({"step":13,"tokens":130)";
  const std::string torn = "the last line (14) of metrics.jsonl is torn and left out";
  CHECK(contains(html_report({run}), torn));
  CHECK(contains(text_report({run}), torn));
  CHECK(contains(text_report({run}), "pretraining, 12 steps, 12 k tokens, 24 s"));
  std::ofstream(run / "metrics.jsonl", std::ios::app) << "\n"
                                                      << step_line(14, 3) << "{}\n"
                                                      << step_line(15, 3);
  const std::string text = text_report({run});
  CHECK(contains(
      text, "2 lines are left out, the first: metrics.jsonl line 14: line 1, column 24: not valid JSON"));
  CHECK(contains(text, "pretraining, 15 steps"));
}

TEST_CASE("a whole last line that is refused is not called torn") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 5);
  std::ofstream(run / "metrics.jsonl", std::ios::app) << R"({"step": 6, "note": "mine"})"
                                                      << "\n";
  const std::string text = text_report({run});
  CHECK(contains(text, "note: a line is left out: metrics.jsonl line 6"));
  CHECK(!contains(text, "is torn"));
}

TEST_CASE("names from outside do not reach the terminal's controls") {
  const TempDir dir;
  const auto run = write_pretraining(dir,
                                     "a\xC2\x9B"
                                     "2J\xE2\x80\xAE"
                                     "b",
                                     1);
  CHECK(contains(text_report({run}), "a<U+009B>2J<U+202E>b: pretraining"));
}

TEST_CASE("a run that has written nothing yet, and one without a configuration") {
  const TempDir dir;
  const auto empty = write_pretraining(dir, "empty", 0);
  check_page(html_report({empty}));
  CHECK(contains(html_report({empty}), "nothing is logged yet"));
  CHECK(contains(text_report({empty}), "nothing is logged yet"));
  const auto early = write_pretraining(dir, "early", 3);
  std::filesystem::remove(early / "config.yaml");
  CHECK(contains(html_report({early}), "there is no config.yaml"));
  // One that cannot be read takes nothing from what can, nor from other runs.
  dir.write("early/config.yaml", "train: [lr\n");
  const std::string beside = text_report({empty, early});
  CHECK(contains(beside, "config.yaml"));
  CHECK(contains(beside, "nothing is logged yet"));
  dir.write("early/config.yaml", "seed: [1]\n");
  CHECK(contains(text_report({early}), "seed must be a whole number at least 0, got the list [1]"));
}

TEST_CASE("lines that are in last.h5 alone are missed") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 3);
  io::Checkpoint checkpoint;
  checkpoint.kind = "pretrain";
  checkpoint.metrics_jsonl = read_text(run / "metrics.jsonl");
  io::save_checkpoint(run / "last.h5", checkpoint);
  const std::string note = "metrics.jsonl lacks lines that last.h5 has";
  CHECK(!contains(text_report({run}), note));
  std::filesystem::resize_file(run / "metrics.jsonl", checkpoint.metrics_jsonl.size() / 2);
  CHECK(contains(text_report({run}), note));
  std::filesystem::remove(run / "metrics.jsonl");
  CHECK(contains(text_report({run}), note));
  dir.write("run/last.h5", "damaged");
  CHECK(contains(text_report({run}), "last.h5: "));
}

TEST_CASE("several runs are drawn over each other, with what differs") {
  const TempDir dir;
  config::PretrainConfig config;
  const auto a = write_pretraining(dir, "a", 40, config::dump(config));
  config.optimizer.lr = 0.5;
  const auto b = write_pretraining(dir, "b", 20, config::dump(config));
  const std::string html = html_report({a, b});
  check_page(html);
  CHECK(contains(html, "<section id=\"differences\">"));
  CHECK(contains(html, "<tr><th scope=\"row\">train.lr</th><td>0.001</td><td>0.5</td></tr>"));
  // 20 steps: 3.25 + 0.1 of both.
  CHECK(contains(html, "at 20 k tokens"));
  CHECK(contains(html, "<tr><th scope=\"row\">a</th><td class=\"n\">3.3500</td>"));
  CHECK(contains(html, "a, held out"));
  // Of two runs of one name their paths say more.
  const TempDir other;
  const auto twin = write_pretraining(other, "a", 10);
  CHECK(contains(html_report({a, twin}), twin.parent_path().filename().string() + "/a, held out"));
}

TEST_CASE("text from outside is text") {
  const TempDir dir;
  const auto run =
      write_pretraining(dir, "<script>alert(1)</script> & \"b\"", 12, "data: '<script>x</script>'\nrun: a\n");
  const auto other = write_pretraining(dir, "b", 12, "data: \"\\e[31m'\"\nrun: b\n");
  const std::string html = html_report({run, other});
  check_page(html);
  CHECK(contains(html, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;b&quot;"));
  CHECK(contains(html, "<td>&lt;script&gt;x&lt;/script&gt;</td>"));
  CHECK(contains(html, "\xEF\xBF\xBD[31m&#39;"));
}

TEST_CASE("folders without a run are refused") {
  const TempDir dir;
  const auto message = [](const std::filesystem::path& path) {
    return error_of([&] { html_report({path}); });
  };
  CHECK(message(dir / "none") == (dir / "none").string() + ": no such folder");
  CHECK(message(dir.write("file", "x")) == (dir / "file").string() + ": a file; give the folder of a run");
  CHECK(contains(message(dir.path()), "holds no run: expected config.yaml and metrics.jsonl"));
  const auto run = write_pretraining(dir, "run", 1);
  CHECK(error_of([&] {
          html_report({run, run / ""});
        }) == (run / "").string() + ": this run is named twice; name each once");
  CHECK(contains(message(dir.path()), "there are runs below it, as " + run.string()));
}

TEST_CASE("a page goes into the folder of its run, of several runs into this one") {
  CHECK(report::default_report_path({"a/b"}) == "a/b/report.html");
  CHECK(report::default_report_path({"a", "b"}) == "report.html");
}

}  // namespace
}  // namespace espalier::testing
