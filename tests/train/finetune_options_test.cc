// What fine-tuning can be asked for beside the recipe: frozen decisions, weights of classes, buckets by
// length; and what it says about its scores.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "espalier/base/error.h"
#include "espalier/io/checkpoint.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/finetuner.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"
#include "train/class_weights.h"
#include "train/finetune_data.h"
#include "train/frozen_decisions.h"

namespace espalier::train {
namespace {

using testing::error_of;
using testing::FinetuneWorkspace;
using testing::read_text;

std::map<std::string, Tensor> weights_in(const std::filesystem::path& checkpoint) {
  std::map<std::string, Tensor> result;
  for (const io::NamedTensor& tensor : io::load_checkpoint(checkpoint).model) {
    result[tensor.name] = tensor.value;
  }
  return result;
}

// The rows of `after` that differ from `before`.
std::vector<std::int64_t> changed_rows(const Tensor& before, const Tensor& after) {
  std::vector<std::int64_t> rows;
  const std::int64_t count = before.shape()[0];
  const std::int64_t width = before.size() / count;
  for (std::int64_t row = 0; row < count; ++row) {
    if (!std::equal(before.data() + row * width, before.data() + (row + 1) * width,
                    after.data() + row * width)) {
      rows.push_back(row);
    }
  }
  return rows;
}

data::LabelledData labelled(const std::vector<std::int32_t>& classes) {
  data::LabelledData data;
  data.has_labels = true;
  data.labels = data::LabelSet({"a", "b", "c=d"});
  for (const std::int32_t label : classes) data.rows.push_back({"text", "", label, 0, 1});
  return data;
}

std::vector<float> weights_asked(const std::vector<std::string>& asked, const data::LabelledData& data) {
  config::TaskConfig task;
  task.class_weights = asked;
  const Tensor weights = class_weights_of(task, data);
  return weights.defined() ? weights.to_vector() : std::vector<float>();
}

}  // namespace

TEST_CASE("frozen: what decides keeps its bits, all else learns") {
  const FinetuneWorkspace work;
  finetune(work.config("frozen", {"routing.mode=frozen", "train.clip=0.5"}));
  finetune(work.config("hard", {"train.clip=0.5"}));
  const auto before = weights_in(work.dir / "model.h5");
  const auto frozen = weights_in(work.dir / "frozen/last.h5");
  const auto hard = weights_in(work.dir / "hard/last.h5");
  int layers = 0;
  for (const auto& entry : before) {
    const auto& name = entry.first;
    const auto& tensor = entry.second;
    if (name.find(".ffn.") == std::string::npos) continue;
    INFO(name);
    ++layers;
    const std::vector<std::int64_t> rows = changed_rows(tensor, frozen.at(name));
    // A tree of depth 3: rows 0 .. 6 decide, 7 .. 14 do not. In `hard` every visited row learns, the root
    // first.
    CHECK_FALSE(rows.empty());
    CHECK(changed_rows(tensor, hard.at(name)).front() == 0);
    if (name.find("linear_in") != std::string::npos) CHECK(rows.front() >= 7);
    if (name.find("linear_out") != std::string::npos) CHECK(rows.front() == 0);
  }
  CHECK(layers == 6);
  CHECK(model::load_model(work.dir / "frozen").routing.mode == "frozen");
}

TEST_CASE("frozen: the rows that decide, in several trees and in trees with MLP leaves") {
  nn::EncoderOptions arch;
  arch.layers = 1;
  arch.hidden_size = 8;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 10;
  arch.embedding.max_positions = 4;
  arch.ffn.trees = 2;
  arch.ffn.depth = 2;
  arch.ffn.leaf_width = 3;
  for (const auto type : {nn::FeedForwardType::kNeuronTree, nn::FeedForwardType::kLeafTree}) {
    const bool neurons = type == nn::FeedForwardType::kNeuronTree;
    arch.ffn.type = type;
    nn::SequenceClassifier model(arch, {});
    for (nn::NamedParameter& parameter : model.parameters()) {
      parameter.value.accumulate_grad(Tensor::full(parameter.value.shape(), 1.0F));
    }
    FrozenDecisions(model).clear_gradients();
    double cleared = 0;
    for (const nn::NamedParameter& parameter : model.parameters()) {
      const Tensor& grad = parameter.value.grad();
      const std::int64_t rows = grad.shape()[0], width = grad.size() / rows;
      const bool decides = parameter.name.find(neurons ? ".linear_in." : ".gate.") != std::string::npos;
      for (std::int64_t row = 0; row < rows; ++row) {
        // Seven nodes a tree, three of which decide; of leaf trees all three gates.
        const bool frozen = decides && row % (neurons ? 7 : 3) < 3;
        INFO(parameter.name << " row " << row);
        CHECK(grad.data()[row * width] == (frozen ? 0.0F : 1.0F));
        CHECK(grad.data()[row * width + width - 1] == (frozen ? 0.0F : 1.0F));
        cleared += frozen ? 1 : 0;
      }
    }
    CHECK(cleared == 12);  // weights and biases of six
  }
}

TEST_CASE("frozen: weight decay would move what is frozen") {
  const FinetuneWorkspace work;
  CHECK(error_of([&] {
          finetune(work.config("a", {"routing.mode=frozen", "train.weight_decay=0.1"}));
        }).find("set train.weight_decay: 0") != std::string::npos);
}

TEST_CASE("a key of the command line that the routing does not read is refused") {
  const FinetuneWorkspace work;
  CHECK(error_of([&] { finetune(work.config("a", {"routing.temperature=0.5"})); }) ==
        "command line: routing.temperature goes with routing.mode: soft; this run has routing.mode: hard, "
        "which does not read it: leave it out");
}

TEST_CASE("straight-through fine-tuning leaves its own temperature and epsilon, not those of its model") {
  const FinetuneWorkspace work;
  const std::vector<std::string> first = {"routing.mode=straight_through",
                                          "routing.straight_through.epsilon=0.25", "train.epochs=1"};
  finetune(work.config("first", first));
  CHECK(model::load_model(work.dir / "first").routing.ste_epsilon == 0.25);
  finetune(work.config("second",
                       {"model=" + (work.dir / "first").string(), "routing.mode=straight_through",
                        "routing.straight_through.epsilon=0", "routing.straight_through.temperature0=0.75",
                        "routing.straight_through.temperature1=0.75", "train.epochs=1"}));
  const model::RoutingProvenance second = model::load_model(work.dir / "second").routing;
  CHECK_FALSE(second.ste_epsilon);
  CHECK(second.temperature == 0.75);
}

TEST_CASE("soft and annealed fine-tuning leave the temperature for --routing soft") {
  const FinetuneWorkspace work;
  finetune(work.config(
      "soft", {"routing.mode=soft", "routing.temperature=0.5", "routing.epsilon=0.0625", "train.epochs=1"}));
  const model::RoutingProvenance soft = model::load_model(work.dir / "soft").routing;
  CHECK(soft.trained_softly);
  CHECK(soft.temperature == 0.5);
  CHECK(soft.epsilon == 0.0625);
  CHECK(soft.finished);
  finetune(work.config("anneal", {"routing.mode=anneal", "train.epochs=1"}));
  const model::RoutingProvenance anneal = model::load_model(work.dir / "anneal").routing;
  CHECK(anneal.finished);
  CHECK(anneal.temperature == doctest::Approx(0.1));
  finetune(work.config("through", {"routing.mode=straight_through", "train.epochs=1"}));
  CHECK(model::load_model(work.dir / "through").routing.mode == "straight_through");
  CHECK_FALSE(model::load_model(work.dir / "through").routing.trained_softly);
}

TEST_CASE("weights of classes: balanced, or by name") {
  const data::LabelledData data = labelled({0, 0, 0, 1, 2, 2});
  CHECK(weights_asked({}, data).empty());
  CHECK(weights_asked({"balanced"}, data) == std::vector<float>{6.0F / 9, 2, 1});
  CHECK(weights_asked({"b=3", "c=d=0.5"}, data) == std::vector<float>{1, 3, 0.5});
  CHECK(weights_asked({"balanced"}, labelled({0, 0, 2})) == std::vector<float>{0.5, 1, 1});
  CHECK(error_of([&] { weights_asked({"d=2"}, data); }) ==
        "task.class_weights: no class `d`; the classes are: a, b, c=d");
  CHECK(error_of([&] { weights_asked({"a=0"}, data); }).find("a weight above 0, got `a=0`") !=
        std::string::npos);
  CHECK(error_of([&] { weights_asked({"a"}, data); }).find("got `a`") != std::string::npos);
  data::LabelledData regression = data;
  regression.regression = true;
  CHECK(error_of([&] { weights_asked({"balanced"}, regression); }).find("a regression has no classes") !=
        std::string::npos);
}

TEST_CASE("a heavy class is predicted where nothing else is known, and scores stay unweighted") {
  const FinetuneWorkspace work;
  // The texts say nothing: one in four is `second`.
  std::string rows = "text\tlabel\n";
  for (int i = 0; i < 96; ++i) rows += i % 4 == 0 ? "a b\tsecond\n" : "a b\tfirst\n";
  work.dir.write("train.tsv", rows);
  work.dir.write("dev.tsv", rows);
  const io::Json plain = io::to_json(finetune(work.config("plain")));
  CHECK(plain["eval_accuracy"].get<double>() == 0.75);
  const io::Json weighted =
      io::to_json(finetune(work.config("weighted", {"task.class_weights=[second=30]"})));
  CHECK(weighted["eval_accuracy"].get<double>() == 0.25);
  // A model that says `second` with 30/33 has this loss, unweighted.
  CHECK(weighted["eval_loss"].get<double>() > 1.2);
}

TEST_CASE("buckets by length: less padding where the head sees it, every row once, and it is reported") {
  const FinetuneWorkspace work;
  std::string rows = "text\tlabel\n";
  for (int i = 0; i < 96; ++i) {
    rows += "a";
    for (int j = 0; j < i % 12; ++j) rows += " n";
    rows += i % 2 == 0 ? "\tfirst\n" : "\tsecond\n";
  }
  work.dir.write("train.tsv", rows);
  work.dir.write("dev.tsv", rows);
  const auto tuned = [&](const char* name, std::vector<std::string> overrides) {
    overrides.emplace_back("train.epochs=1");
    return io::to_json(finetune(work.config(name, overrides)));
  };
  const io::Json plain = tuned("plain", {"train.bucket_by_length=false", "head.pooler=avg"});
  const io::Json bucketed = tuned("bucketed", {"head.pooler=avg"});
  CHECK(tuned("packed", {"train.bucket_by_length=false"})["train_padding_share"] == 0.0);
  CHECK(plain["train_tokens"] == bucketed["train_tokens"]);
  CHECK(plain["train_padding_share"].get<double>() > 0.2);
  CHECK(bucketed["train_padding_share"].get<double>() < 0.1);
  CHECK(bucketed["train_tokens_per_second"].get<double>() > 0);
}

TEST_CASE("log.lines: which lines of the training file each batch held") {
  const FinetuneWorkspace work;
  finetune(work.config("a", {"log.lines=true", "train.epochs=2"}));
  const std::string text = read_text(work.dir / "a" / "metrics.jsonl");
  std::map<std::int64_t, std::multiset<std::int64_t>> epochs;
  std::int64_t steps = 0;
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    const io::Json line = io::parse_json(text.substr(begin, text.find('\n', begin) - begin), "metrics");
    if (!line.contains("lines")) continue;
    CHECK(line["lines"].size() == 16);
    for (const io::Json& row : line["lines"]) epochs[steps / 6].insert(row.get<std::int64_t>());
    ++steps;
  }
  CHECK(steps == 12);
  // Each epoch holds every row once; the header is line 1.
  std::multiset<std::int64_t> all;
  for (std::int64_t line = 2; line < 98; ++line) all.insert(line);
  CHECK(epochs[0] == all);
  CHECK(epochs[1] == all);
}

TEST_CASE("train.max_steps stops early, and a later limit goes on to the bits of a run without") {
  const FinetuneWorkspace work;
  const io::Json stopped = io::to_json(finetune(work.config("a", {"train.max_steps=8"})));
  CHECK(stopped["epoch"].get<double>() == doctest::Approx(8.0 / 6));
  CHECK(read_text(work.dir / "a" / "trainer_state.json").find("\"max_steps\": 8") != std::string::npos);
  CHECK(stopped["eval_accuracy"].is_number());
  CHECK(io::list_checkpoint(work.dir / "a" / "last.h5").state.at("step") == 8);
  // The schedule is that of the epochs, not of the limit.
  const std::string metrics = read_text(work.dir / "a" / "metrics.jsonl");
  finetune(work.config("whole"));
  const std::string whole = read_text(work.dir / "whole" / "metrics.jsonl");
  const auto rate_at = [](const std::string& text, const std::string& step) {
    const std::size_t line = text.find("\"step\":" + step + ",\"epoch\"");
    REQUIRE(line != std::string::npos);
    const std::size_t place = text.find("\"learning_rate\":", line);
    return text.substr(place, text.find(',', place) - place);
  };
  CHECK(rate_at(metrics, "8") == rate_at(whole, "8"));
  // Once there, the run is only scored again; a higher limit goes on, no limit to the end.
  finetune(work.config("a", {"train.max_steps=8"}));
  CHECK(io::list_checkpoint(work.dir / "a" / "last.h5").state.at("step") == 8);
  finetune(work.config("a", {"train.max_steps=11"}));
  CHECK(io::list_checkpoint(work.dir / "a" / "last.h5").state.at("step") == 11);
  const io::Json end = io::to_json(finetune(work.config("a")));
  CHECK(end["epoch"] == 3.0);
  CHECK(io::list_checkpoint(work.dir / "a" / "last.h5").weights_checksum ==
        io::list_checkpoint(work.dir / "whole" / "last.h5").weights_checksum);
  // More than there is.
  finetune(work.config("b", {"train.max_steps=1000", "train.epochs=1"}));
  CHECK(io::list_checkpoint(work.dir / "b" / "last.h5").state.at("step") == 6);
}

TEST_CASE("each evaluation has intervals, and the best one keeps its predictions") {
  const FinetuneWorkspace work;
  const FinetuneResults results = finetune(work.config("a", {"train.lr=3e-2"}));
  REQUIRE(results.evaluations.size() == 3);
  std::size_t best = 0;
  double top = -1;
  for (std::size_t i = 0; i < 3; ++i) {
    const SetScores& scores = results.evaluations[i].sets.at(0);
    const MetricScore& accuracy = scores.metrics.at(0);
    const double value = accuracy.value;
    CHECK(accuracy.name == "accuracy");
    CHECK(accuracy.interval.value().low <= value);
    CHECK(accuracy.interval.value().high >= value);
    CHECK(scores.samples == 40);
    CHECK(results.evaluations[i].best == (value > top));
    if (value > top) best = i;
    top = std::max(top, value);
  }
  CHECK(results.evaluations[2].sets[0].metrics[0].value == results.eval.sets[0].metrics[0].value);
  const std::string last = read_text(work.dir / "a" / "predictions_dev.tsv");
  const std::string kept = read_text(work.dir / "a" / "predictions_best_dev.tsv");
  CHECK((last == kept) == (best == 2));
  const FinetuneResults plain = finetune(work.config("b", {"eval.bootstrap=0", "train.epochs=1"}));
  CHECK_FALSE(plain.evaluations.at(0).sets[0].metrics[0].interval.has_value());
}

TEST_CASE("a degenerate score is written down with its warning") {
  const FinetuneWorkspace work;
  work.dir.write("dev.tsv", "text\tlabel\na b\tfirst\na b\tsecond\n");
  const io::Json evaluation = io::to_json(finetune(work.config("a", {"train.epochs=1"})).evaluations.at(0));
  CHECK(evaluation["eval_matthews_correlation"] == 0.0);
  REQUIRE(evaluation.contains("warnings"));
  CHECK(evaluation["warnings"].dump().find("only one class was predicted") != std::string::npos);
}

TEST_CASE("gradient groups: each draws a dropout of its own, as the updates of one group do") {
  const FinetuneWorkspace work;
  std::string rows = "text\tshare\n";
  for (int row = 0; row < 32; ++row) rows += "a b c d e f\t0.5\n";
  for (const char* file : {"train.tsv", "dev.tsv"}) work.dir.write(file, rows);
  // With weights that stay, losses differ by what is dropped alone.
  const auto losses = [&](const std::string& run, const std::string& batch, const std::string& groups) {
    finetune(work.config(
        run, {"task.label=share", "task.regression=true", "train.epochs=1", "train.lr=1e-30",
              "train.dropout=true", "train.gradient_groups=" + groups, "train.batch_size=" + batch}));
    std::vector<double> found;
    std::istringstream lines(read_text(work.run(run) / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const io::Json json = io::parse_json(line, "metrics.jsonl");
      if (json.contains("loss")) found.push_back(json["loss"].get<double>());
    }
    return found;
  };
  // A last batch of 2 rows has fewer groups, and draws anew all the same.
  const std::vector<double> uneven = losses("uneven", "5", "5");
  CHECK(std::set<double>(uneven.begin(), uneven.end()).size() == uneven.size());
  const std::vector<double> alone = losses("alone", "4", "1"), grouped = losses("grouped", "8", "2");
  REQUIRE(alone.size() == 8);
  REQUIRE(grouped.size() == 4);
  CHECK(std::set<double>(alone.begin(), alone.end()).size() == 8);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(grouped[i] == doctest::Approx((alone[2 * i] + alone[2 * i + 1]) / 2).epsilon(1e-5));
  }
}

}  // namespace espalier::train
