// ctest-label: threads
// Feedforward layers that are trained to give what those of a tiny BERT give.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "espalier/base/parallel.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/pretrainer.h"
#include "tests/support/support.h"
#include "tests/train/train_support.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::PretrainWorkspace;
using Strings = std::vector<std::string>;

// Three layers of d 16 with 24 units each.
void write_teacher(const fs::path& file, bool head) {
  nn::EncoderOptions arch = nn::bert_options();
  arch.layers = 3;
  arch.hidden_size = 16;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 40;
  arch.embedding.max_positions = 16;
  arch.ffn.width = 24;
  arch.masked_lm_head = arch.head_transform = arch.decoder_bias = head;
  nn::MaskedLm model(arch);
  nn::initialize(model, 0.3, 3);
  for (nn::NamedParameter& parameter : model.parameters()) {
    if (parameter.name.ends_with("bias"))
      nn::init_normal(parameter.value.mutable_value(), 0.3F, 4, parameter.name);
  }
  const text::TokenizerModel tokenizer = text::crammed_bert_tokenizer(testing::tiny_vocabulary());
  io::save_checkpoint(file, model::model_checkpoint(model, {}, io::tokenizer_json(tokenizer)));
}

// Of the tiny pretraining only what is of data, budget and folders.
config::PretrainConfig distillation(const PretrainWorkspace& work, const std::string& run,
                                    const Strings& overrides) {
  Strings all = {"init=" + (work.dir / "bert.h5").string(),
                 "distill.start_tokens=1024",
                 "distill.layerwise_until=0.5",
                 "train.batch_size=8",
                 "train.lr=0.003",
                 "train.schedule=linear",
                 "train.batch_ramp=0",
                 "train.weight_decay=0"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  config::PretrainConfig config = work.config(run, all);
  const nn::FeedForwardOptions ffn = config.arch.ffn;
  config.arch = {};
  config.arch.ffn = ffn;
  return config;
}

const Strings kTree = {"distill.layers=[0, 2]", "arch.ffn.trees=2", "arch.ffn.depth=2"};

Strings with(Strings some, const Strings& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

std::map<std::string, std::vector<float>> weights_at(const fs::path& checkpoint) {
  std::map<std::string, std::vector<float>> result;
  for (const io::NamedTensor& tensor : io::load_checkpoint(checkpoint).model)
    result[tensor.name] = tensor.value.to_vector();
  return result;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

DistillScores scores_after(const PretrainWorkspace& work, const std::string& run, int steps,
                           const Strings& overrides) {
  const PretrainSummary summary = pretrain(distillation(
      work, run, with(overrides, {"train.budget.steps=40", "train.max_steps=" + std::to_string(steps)})));
  REQUIRE(summary.distilled.has_value());
  return *summary.distilled;
}

}  // namespace

TEST_CASE("new layers come nearer to the teacher's, and nothing else learns") {
  int number = 0;
  for (const bool head : {true, false}) {
    const PretrainWorkspace work;
    write_teacher(work.dir / "bert.h5", head);
    for (const Strings& student :
         {kTree, with(kTree, {"arch.ffn.linear_rank=3", "routing.mode=straight_through"}),
          with(kTree, {"distill.start_tokens=0", "routing.mode=anneal", "routing.anneal.end=0.5"}),
          Strings{"distill.layers=[0, 2]", "arch.ffn.type=dense", "arch.ffn.width=0",
                  "arch.ffn.linear_rank=4", "distill.start_tokens=0"},
          Strings{"distill.layers=[0, 1, 2]", "arch.ffn.type=dense", "arch.ffn.width=8"},
          with(kTree, {"arch.ffn.linear_rank=3", "distill.relative_to=token"})}) {
      const std::string name = std::to_string(++number);
      INFO(name);
      const DistillScores early = scores_after(work, "early" + name, 1, student);
      const DistillScores late = scores_after(work, "late" + name, 40, student);
      CHECK(mean(late.layer_errors) < 0.97 * mean(early.layer_errors));
      CHECK(late.hidden_error < early.hidden_error);
      CHECK(late.kl_divergence.has_value() == head);
      if (head) CHECK(*late.kl_divergence < *early.kl_divergence);
      const auto before = weights_at(work.dir / "bert.h5");
      for (const auto& [name_of_parameter, weights] : weights_at(work.run("late" + name) / "last.h5")) {
        const std::string& parameter = name_of_parameter;
        const std::vector<float>& values = weights;
        INFO(parameter);
        const bool same = before.contains(parameter) && before.at(parameter) == values;
        const bool of_new = parameter.find("layers.1.ffn") == std::string::npos || late.layers.size() == 3;
        CHECK(same == (parameter.find(".ffn.") == std::string::npos || !of_new));
      }
    }
  }
}

TEST_CASE(
    "a dense layer of all but one unit begins nearer than of few, and a fitted tree than a random one") {
  const PretrainWorkspace work;
  write_teacher(work.dir / "bert.h5", false);
  const Strings still = {"train.lr=0"};
  const auto error = [&](const std::string& run, const Strings& student) {
    return mean(scores_after(work, run, 1, with(student, still)).layer_errors);
  };
  const Strings dense = {"distill.layers=[0, 2]", "arch.ffn.type=dense"};
  const double most = error("most", with(dense, {"arch.ffn.width=23"}));
  const double few = error("few", with(dense, {"arch.ffn.width=6"}));
  CHECK(most < 0.15);
  CHECK(most < few);
  CHECK(few < 1);
  const double path = error("path", with(dense, {"arch.ffn.width=0", "arch.ffn.linear_rank=16"}));
  CHECK(path < error("narrow", with(dense, {"arch.ffn.width=0", "arch.ffn.linear_rank=2"})));
  const double fitted = error("fitted", kTree);
  CHECK(fitted < 0.9);
  CHECK(fitted < 0.9 * error("random", with(kTree, {"distill.start_tokens=0"})));
  // Single neurons are a dense layer; more of them than the teacher has are at rest.
  for (const char* trees : {"arch.ffn.trees=23", "arch.ffn.trees=30"})
    CHECK(error(trees, {"distill.layers=[0, 2]", "arch.ffn.depth=0", trees}) < 0.5);
}

TEST_CASE("layers that cannot be fitted begin at random, not as the teacher's where names and shapes agree") {
  const PretrainWorkspace work;
  write_teacher(work.dir / "bert.h5", false);
  scores_after(work, "gated", 1,
               {"distill.layers=[0]", "arch.ffn.type=gated", "arch.ffn.width=24", "train.lr=0"});
  const auto before = weights_at(work.dir / "bert.h5"), after = weights_at(work.run("gated") / "last.h5");
  for (const char* end : {"dense_in.weight", "dense_out.bias"}) {
    INFO(end);
    const std::string name = std::string("encoder.layers.0.ffn.") + end;
    CHECK(after.at(name) != before.at(name));
  }
}

TEST_CASE("a distillation continued has the bits of one that was not stopped, for any number of threads") {
  const PretrainWorkspace work;
  write_teacher(work.dir / "bert.h5", true);
  const Strings student = with(kTree, {"arch.ffn.linear_rank=2", "train.budget.steps=12", "eval.steps=5"});
  pretrain(distillation(work, "whole", student));
  const int threads = thread_count();
  for (const char* stop : {"train.max_steps=4", "train.max_steps=9"}) {
    set_thread_count(stop[16] == '4' ? 1 : 3);
    pretrain(distillation(work, "parts", with(student, {stop})));
  }
  set_thread_count(threads);
  pretrain(distillation(work, "parts", student));
  CHECK(testing::weights_of(work.run("parts") / "last.h5") ==
        testing::weights_of(work.run("whole") / "last.h5"));
  pretrain(distillation(work, "begun", with(student, {"train.max_steps=4"})));
  CHECK(error_of([&] {
          pretrain(distillation(work, "parts", with(student, {"distill.layerwise_until=0.6"})));
        }).find("distill.layerwise_until") != std::string::npos);
  // Errors are shares of what one pass holds.
  CHECK(error_of([&] {
          pretrain(distillation(work, "parts", with(student, {"train.micro_batch=4"})));
        }).find("train.micro_batch: 8 in the run, 4 now") != std::string::npos);
  // Without its teacher one that is complete is left alone; another cannot go on.
  fs::remove(work.dir / "bert.h5");
  const std::string before = testing::weights_of(work.run("parts") / "last.h5");
  CHECK(pretrain(distillation(work, "parts", student)).already_complete);
  CHECK(testing::weights_of(work.run("parts") / "last.h5") == before);
  const std::string gone = (work.dir / "bert.h5").string() + ": no such file or folder";
  CHECK(error_of([&] { pretrain(distillation(work, "begun", student)); }).starts_with("init: " + gone));
  CHECK(error_of([&] { pretrain(distillation(work, "new", student)); }).starts_with(gone));
}

TEST_CASE("the model of a distillation is one like any other") {
  const PretrainWorkspace work;
  write_teacher(work.dir / "bert.h5", true);
  scores_after(work, "student", 2, with(kTree, {"arch.ffn.linear_rank=3"}));
  const model::LoadedModel student = model::load_model(work.run("student"));
  CHECK(nn::describe(student.arch.ffn) == "2x2 + linear 3 in layers 0, 2, others dense 24");
  CHECK(student.arch.norm_placement == nn::NormPlacement::kPost);
  // Trained further on words, all of it learns.
  config::PretrainConfig more =
      work.config("more", {"init=" + work.run("student").string(), "train.max_steps=1"});
  more.arch.layers = nn::EncoderOptions().layers;
  more.arch.ffn.depth = nn::EncoderOptions().ffn.depth;
  pretrain(more);
  CHECK(nn::describe(model::load_model(work.run("more")).arch.ffn) == nn::describe(student.arch.ffn));
}

TEST_CASE("arch.ffn.layers may repeat distill.layers, all of them too, and the run goes on") {
  const PretrainWorkspace work;
  write_teacher(work.dir / "bert.h5", false);
  const Strings all = {"distill.layers=[0, 1, 2]", "arch.ffn.layers=[0, 1, 2]"};
  for (const int steps : {1, 2}) CHECK_NOTHROW(scores_after(work, "all", steps, all));
}

TEST_CASE("what cannot be distilled is refused by name") {
  const PretrainWorkspace work;
  const std::string bert = (work.dir / "bert.h5").string();
  write_teacher(bert, true);
  const auto error = [&](const Strings& overrides) {
    return error_of([&] { pretrain(distillation(work, "refused", overrides)); });
  };
  CHECK(error({"distill.layers=[0]", "init="}) ==
        "distill.layers: [0]: whose layers? Give `init`, the MODEL to reproduce");
  for (const char* layers : {"[1, 3]", "[1, 0]", "[1, 1]"}) {
    CHECK(error({std::string("distill.layers=") + layers}) ==
          "distill.layers must name layers of " + bert + " from 0 to 2 in ascending order, got " + layers);
  }
  CHECK(error({"distill.layers=[0]", "arch.ffn.type=dense", "arch.ffn.width=24"}) ==
        "distill.layers: arch.ffn.width must be below the 24 units of the layers of " + bert +
            ", got 24; or set another arch.ffn.type");
  CHECK(error({"distill.layers=[0]", "arch.ffn.type=dense", "arch.ffn.width=0"}) ==
        "distill.layers: arch.ffn.width: 0 without arch.ffn.linear_rank leaves nothing to train");
  CHECK(error({"distill.layers=[0]", "arch.ffn.layers=[1]"}) ==
        "arch.ffn.layers: distill.layers says which layers are new; leave the key out");
  CHECK(error({"distill.layers=[0]", "arch.ffn.linear_rank=17"}) ==
        "distill.layers: arch.ffn.linear_rank must be at most the hidden size of " + bert +
            ", 16, got 17: more would begin at 0 and never learn");
  io::Checkpoint classifier = io::load_checkpoint(bert);
  classifier.metadata["classifier"] = io::Json::object();
  const std::string tuned = (work.dir / "tuned.h5").string();
  io::save_checkpoint(tuned, classifier);
  CHECK(error({"distill.layers=[0]", "init=" + tuned}).starts_with("init: " + tuned + " is a classifier, "));
  config::PretrainConfig other = distillation(work, "refused", kTree);
  other.arch.layers = 4;
  other.arch.hidden_size = 24;
  CHECK(error_of([&] { pretrain(other); }) ==
        "distill.layers: " + bert +
            " has arch.layers 3, the config 4; arch.hidden_size 16, the config 24: a student "
            "differs in arch.ffn alone; leave the keys out");
  pretrain(work.config("tree", {"train.max_steps=1"}));
  const std::string tree = work.run("tree").string();
  CHECK(error({"distill.layers=[0]", "init=" + tree}) ==
        "distill.layers: the feedforward layers of " + tree +
            " are 1x3; only dense ones, all alike, can be reproduced");
}

}  // namespace espalier::train
