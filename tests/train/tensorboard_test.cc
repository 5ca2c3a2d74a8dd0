// What TensorBoard is shown of a training, and that a resume neither repeats nor loses a step.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "espalier/base/log.h"
#include "espalier/io/run_files.h"
#include "espalier/train/finetuner.h"
#include "espalier/train/pretrainer.h"
#include "espalier/train/run_directory.h"
#include "io/event_file.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"
#include "tests/train/train_support.h"
#include "train/metric_events.h"

namespace espalier::train {
namespace {

using testing::FinetuneWorkspace;
using testing::PretrainWorkspace;
using testing::read_text;

// The version, the start, the hyperparameters.
constexpr std::size_t kHead = 3;

std::filesystem::path only_file(const std::filesystem::path& run) {
  const std::vector<io::EventFile> files = io::event_files(run);
  REQUIRE(files.size() == 1);
  return files.front().path;
}

// The records of a file whose frames are whole.
std::vector<std::string> records_of(const std::filesystem::path& path) {
  constexpr std::size_t before = 12, after = 4;
  const std::string bytes = read_text(path);
  std::vector<std::string> records;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof(length));
    records.push_back(bytes.substr(at, before + length + after));
    REQUIRE(io::event_record(bytes.substr(at + before, length)) == records.back());
    at += records.back().size();
  }
  return records;
}

std::vector<io::Json> lines_of(const std::filesystem::path& run) {
  std::vector<io::Json> lines;
  const std::string text = read_text(run / "metrics.jsonl");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(io::parse_json(text.substr(begin, end - begin), "metrics.jsonl"));
    begin = end + 1;
  }
  return lines;
}

// One record for each line of metrics.jsonl, with its values, and nothing else.
void check_events(const std::filesystem::path& run) {
  const std::vector<std::string> records = records_of(only_file(run));
  const std::vector<io::Json> lines = lines_of(run);
  REQUIRE(records.size() == kHead + lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    INFO(lines[i].dump());
    double time = 0;  // field 1: after the frame and its key
    std::memcpy(&time, records[kHead + i].data() + 13, sizeof(time));
    CHECK(records[kHead + i] == io::summary_event(time, summary_of(lines[i])));
  }
}

std::vector<std::string> tags_of(const io::EventSummary& summary) {
  std::vector<std::string> tags;
  for (const auto& [tag, value] : summary.scalars) tags.push_back(tag);
  return tags;
}

double value_of(const io::EventSummary& summary, const std::string& tag) {
  for (const auto& [name, value] : summary.scalars) {
    if (name == tag) return value;
  }
  FAIL("no " << tag);
  return 0;
}

}  // namespace

TEST_CASE("the line of a step") {
  const io::EventSummary summary = summary_of({{"step", 7},
                                               {"tokens", 900},
                                               {"loss", 2.5},
                                               {"grad_norm", nullptr},
                                               {"lines", {3, 4}},
                                               {"time", 1.5}});
  CHECK(summary.step == 7);
  CHECK(tags_of(summary) == std::vector<std::string>{"train/tokens", "train/loss", "train/time"});
  CHECK(value_of(summary, "train/loss") == 2.5);
  CHECK(summary.histograms.empty());
}

TEST_CASE("the line of an evaluation says nothing again that lines of steps say") {
  const io::EventSummary summary = summary_of({{"step", 7},
                                               {"epoch", 1.5},
                                               {"tokens", 900},
                                               {"eval_loss", 2.5},
                                               {"eval_accuracy_interval", {0.25, 0.5}},
                                               {"eval_layers", {0, 5}},
                                               {"eval_layer_errors", {0.125, 0.75}},
                                               {"best", true}});
  CHECK(tags_of(summary) == std::vector<std::string>{"eval/loss", "eval/accuracy_interval/low",
                                                     "eval/accuracy_interval/high",
                                                     "eval/layer_errors/layer0", "eval/layer_errors/layer5"});
  CHECK(value_of(summary, "eval/layer_errors/layer5") == 0.75);
}

TEST_CASE("trees as trackers of mixtures of experts show them") {
  const io::EventSummary summary = summary_of({{"step", 7},
                                               {"eval_routing",
                                                {{{"layer", 0},
                                                  {"entropy", {0.5, 0.25}},
                                                  {"undecided", {0.5, 0.25}},
                                                  {"leaves_used", 0.75},
                                                  {"leaf_perplexity", {3.0, 1.0}},
                                                  {"largest_leaf_share", 0.875},
                                                  {"visits", {{5, 0, 2, 1}, {8, 0, 0, 0}}}}}}});
  CHECK(value_of(summary, "routing/layer0/dead_fraction") == 0.25);
  CHECK(value_of(summary, "routing/layer0/max_load") == 0.875);
  CHECK(value_of(summary, "routing/layer0/leaf_diversity") == 0.5);
  CHECK(value_of(summary, "routing/layer0/routing_entropy") == 0.375);
  CHECK(value_of(summary, "routing/layer0/undecided_fraction") == 0.375);
  CHECK(value_of(summary, "routing/layer0/level1/routing_entropy") == 0.25);
  REQUIRE(summary.histograms.size() == 2);
  CHECK(summary.histograms[0].tag == "routing/layer0/tree0/load");
  CHECK(summary.histograms[0].limits == std::vector<double>{1, 2, 3, 4});
  CHECK(summary.histograms[0].counts == std::vector<double>{5, 0, 2, 1});
}

TEST_CASE("trees are named by the layer they are of") {
  const io::EventSummary summary = summary_of({{"step", 7},
                                               {"eval_routing",
                                                {{{"layer", 3},
                                                  {"entropy", {0.5}},
                                                  {"undecided", {0.5}},
                                                  {"leaves_used", 0.75},
                                                  {"leaf_perplexity", {1.0}},
                                                  {"largest_leaf_share", 0.875}}}}});
  CHECK(value_of(summary, "routing/layer3/max_load") == 0.875);
}

TEST_CASE("hyperparameters are the settings that a run depends on, with their types") {
  std::vector<config::Setting> given;
  for (const char* text : {"run=somewhere", "train.lr=1e-3", "train.shuffle=false", "log.steps=5",
                           "arch.ffn.type=neuron_tree", "distill.layers=[0, 2]", "init=12"}) {
    given.push_back(config::parse_override(text));
  }
  config::PretrainConfig config;
  config::Fields fields;
  describe(config, fields);
  fields.apply(given);
  io::Hyperparameters found = hyperparameters_of(fields.settings(), config::pretrain_resume_rule);
  std::erase_if(found, [&](const auto& parameter) {
    return std::none_of(given.begin(), given.end(), [&](const auto& s) { return s.key == parameter.first; });
  });
  std::sort(found.begin(), found.end());
  CHECK(found == io::Hyperparameters{{"arch.ffn.type", "neuron_tree"},
                                     {"distill.layers", "[0, 2]"},
                                     {"init", "12"},
                                     {"train.lr", 1e-3},
                                     {"train.shuffle", false}});
}

TEST_CASE("leaves of large trees are counted by spans") {
  ops::TreeStatistics statistics;
  statistics.depth = 7;
  statistics.trees = 1;
  statistics.leaf_tokens.resize(128);
  statistics.leaf_tokens[0] = statistics.leaf_tokens[1] = 3;
  statistics.leaf_tokens[127] = 5;
  const std::vector<std::vector<std::int64_t>> visits = visits_of(statistics);
  REQUIRE(visits.size() == 1);
  REQUIRE(visits[0].size() == kVisitSpans);
  CHECK(visits[0].front() == 6);
  CHECK(visits[0].back() == 5);
}

TEST_CASE("a pretraining writes every line of its metrics; without the key nothing") {
  const PretrainWorkspace work;
  pretrain(work.config("off"));
  CHECK_FALSE(std::filesystem::exists(work.run("off") / "tensorboard"));
  CHECK(read_text(work.run("off") / "metrics.jsonl").find("visits") == std::string::npos);
  pretrain(work.config("on", {"log.tensorboard=true"}));
  check_events(work.run("on"));
  const io::EventSummary last = summary_of(lines_of(work.run("on")).back());
  REQUIRE(last.histograms.size() == 2);
  CHECK(last.histograms[1].tag == "routing/layer1/tree0/load");
  CHECK(last.histograms[1].counts.size() == 8);
  // The key changes neither the training nor what else is written.
  CHECK(testing::weights_of(work.run("on") / "last.h5") == testing::weights_of(work.run("off") / "last.h5"));
}

TEST_CASE("a run that was killed past its last checkpoint shows each step once when it is continued") {
  const PretrainWorkspace work;
  const std::vector<std::string> keys = {"log.tensorboard=true", "save.steps=5", "save.keep=9"};
  pretrain(work.config("a", keys));
  const std::filesystem::path run = work.run("a"), first = only_file(run);
  const std::int64_t begin = io::event_files(run).front().begin;
  for (const int later : {10, 15, 20}) std::filesystem::remove(io::step_path(run, later));
  // The kill tore the last record.
  std::filesystem::resize_file(first, std::filesystem::file_size(first) - 9);
  pretrain(work.config("a", keys));
  check_events(run);
  CHECK(only_file(run) > first);
  CHECK_FALSE(std::filesystem::exists(first));
  CHECK(io::event_files(run).front().begin == begin);
  // A run that is complete is shown as it was.
  pretrain(work.config("a", keys));
  check_events(run);
}

TEST_CASE("the key may come with a later sitting, which then shows all of the run") {
  const PretrainWorkspace work;
  pretrain(work.config("a", {"train.max_steps=8"}));
  pretrain(work.config("a", {"log.tensorboard=true"}));
  check_events(work.run("a"));
}

TEST_CASE("event files that a full disk did not take are written with a later line") {
  set_quiet(true);
  const testing::TempDir dir;
  RunDirectory run(dir / "run");
  run.restore_metrics("");
  // A file where the folder would be.
  dir.write("run/tensorboard", "");
  run.write_events({}, config::pretrain_resume_rule);
  run.log({{"step", 1}, {"loss", 2.0}, {"time", 1.0}});
  std::filesystem::remove(dir / "run/tensorboard");
  run.log({{"step", 2}, {"loss", 1.0}, {"time", 2.0}});
  check_events(dir / "run");
}

TEST_CASE("a fine-tuning writes its lines too") {
  const FinetuneWorkspace work;
  finetune(work.config("off", {"train.epochs=1"}));
  CHECK_FALSE(std::filesystem::exists(work.run("off") / "tensorboard"));
  finetune(work.config("on", {"train.epochs=1", "log.tensorboard=true", "log.steps=1"}));
  check_events(work.run("on"));
}

}  // namespace espalier::train
