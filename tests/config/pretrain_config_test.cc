#include "espalier/config/pretrain_config.h"

#include <doctest/doctest.h>

#include "tests/config/config_support.h"
#include "tests/support/support.h"

namespace espalier::config {
namespace {

const ConfigOf<PretrainConfig> kPretrain{{"data=d", "run=r"}};

}  // namespace

TEST_CASE("the defaults with a budget are valid and survive a round trip") {
  const PretrainConfig config = kPretrain.with({"train.budget.tokens=100"});
  validate(config);
  const std::string yaml = dump(config);
  Fields fields;
  PretrainConfig again;
  describe(again, fields);
  fields.apply(parse_yaml(yaml, "dump"));
  CHECK(dump(again) == yaml);
}

TEST_CASE("which keys somebody wrote is known, and where, though they stand at their defaults") {
  const testing::TempDir dir;
  const std::string file = dir.write("a.yaml", "seed: 2\narch:\n  layers: 16\n  hidden_size: 768\n").string();
  const std::vector<std::string> given = {"data=d", "run=r", "arch.layers=16"};
  const auto config = load<PretrainConfig>(file, given);
  REQUIRE(config.given.size() == 5);
  CHECK(config.given[0].key == "arch.hidden_size");
  CHECK(config.given[0].where == file + ":4");
  CHECK(config.given[1].key == "arch.layers");
  CHECK(config.given[1].where == kCommandLine);
  CHECK(dump(config).find("given") == std::string::npos);
}

TEST_CASE("keys of the command line that nothing reads are refused by name, those of a file are not") {
  const auto error = [](const std::vector<std::string>& settings) {
    return testing::error_of([&] { require_read(kPretrain.with(settings)); });
  };
  CHECK(error({"arch.ffn.width=64"}) ==
        "command line: arch.ffn.width goes with arch.ffn.type: dense or gated; this run has arch.ffn.type: "
        "neuron_tree, which does not read it: leave it out");
  CHECK(error({"arch.ffn.activation=relu"})
            .find("goes with arch.ffn.type: dense, or with arch.head_transform: true, or with "
                  "arch.ffn.other_width; this run has arch.ffn.type: neuron_tree, arch.head_transform: "
                  "false, arch.ffn.other_width: 0,") != std::string::npos);
  CHECK(
      error({"distill.start_tokens=7"}).find("goes with distill.layers; this run has distill.layers: [],") !=
      std::string::npos);
  for (const char* unread : {"arch.ffn.leaf_width=9", "routing.temperature=9", "routing.entropy_weight=0.3",
                             "routing.region_leak=0.4", "routing.anneal.end=0.5",
                             "routing.straight_through.until=0.5", "train.warmup=0.5"}) {
    INFO(unread);
    CHECK(error({unread}).find("which does not read it: leave it out") != std::string::npos);
  }
  const std::vector<std::vector<std::string>> read = {
      {"arch.ffn.type=dense", "arch.ffn.width=8", "arch.ffn.activation=relu"},
      {"arch.ffn.type=leaf_tree", "arch.ffn.leaf_width=9", "arch.ffn.depth=2", "arch.ffn.trees=2"},
      {"arch.head_transform=true", "arch.ffn.activation=relu"},
      {"arch.ffn.layers=[0]", "arch.ffn.other_width=8", "arch.ffn.activation=relu"},
      {"routing.mode=soft", "routing.temperature=9", "routing.entropy_weight=1", "routing.region_leak=0.4"},
      {"routing.mode=anneal", "routing.anneal.end=0.8", "routing.region_leak=0.4"},
      {"routing.mode=anneal", "routing.anneal.finish=straight_through",
       "routing.straight_through.epsilon=0.1"},
      {"train.schedule=linear", "train.warmup=0.5"},
      {"distill.layers=[0]", "distill.start_tokens=7"}};
  for (const std::vector<std::string>& settings : read) {
    INFO(settings.back());
    CHECK_NOTHROW(require_read(kPretrain.with(settings)));
  }
  const testing::TempDir dir;
  const auto file = dir.write("a.yaml", "arch: {ffn: {width: 64}}\nrouting: {temperature: 9}\n");
  CHECK_NOTHROW(require_read(load<PretrainConfig>(file, {})));
}

TEST_CASE("keys of routing go with trees, but for what a model without any does anyway") {
  CHECK_NOTHROW(require_trees(kPretrain.with({"routing.mode=hard"}).given, "dense 8"));
  CHECK(testing::error_of([] { require_trees(kPretrain.with({"routing.mode=soft"}).given, "dense 8"); }) ==
        "command line: routing.mode goes with trees; the feedforward layers here are dense 8, which route "
        "nothing: leave it out");
}

TEST_CASE("contradictions between keys are named") {
  CHECK(kPretrain.error_with({}).find("give exactly one of tokens, steps or minutes, got 0") !=
        std::string::npos);
  CHECK(kPretrain.error_with({"train.budget.tokens=1", "train.budget.steps=1"})
            .find("got tokens (1) and steps (1); set the others to 0") != std::string::npos);
  CHECK(kPretrain.error_with({"train.budget.steps=1", "arch.hidden_size=100"})
            .find("multiple of arch.attention.heads") != std::string::npos);
  CHECK(kPretrain.error_with({"train.budget.steps=1", "train.batch_size=100", "train.micro_batch=64"})
            .find("multiple of train.micro_batch") != std::string::npos);
  CHECK(kPretrain.error_with({"train.budget.steps=1", "routing.entropy=all_nodes"})
            .find("routing.mode: soft") != std::string::npos);
  CHECK(
      kPretrain.error_with({"train.budget.steps=1", "routing.anneal.start=0.9"}).find("must not be after") !=
      std::string::npos);
  CHECK(kPretrain.error_with({"train.budget.steps=1", "routing.anneal.epsilon=-0.5"}) ==
        "routing.anneal.epsilon must be -1 or in [0, 1), got -0.5");
  CHECK(kPretrain.error_with({"train.budget.steps=1", "data="}).find("`data` is missing") !=
        std::string::npos);
  const std::vector<std::string> muon = {"train.budget.steps=1", "init=i", "distill.layers=[0]",
                                         "train.optimizer=muon"};
  CHECK(kPretrain.error_with(muon).find("distill.layers trains trees alone") != std::string::npos);
  for (const char* key : {"arch.ffn.linear_rank=4", "arch.ffn.type=dense", "train.optimizer=adamw"}) {
    std::vector<std::string> keys = muon;
    keys.emplace_back(key);
    CHECK_NOTHROW(validate(kPretrain.with(keys)));
  }
}

TEST_CASE("a budget on the command line replaces the file's") {
  const testing::TempDir dir;
  const auto path = dir.write("run.yaml", "data: d\nrun: r\ntrain: {budget: {tokens: 1000}}\n");
  const std::vector<std::string> steps = {"train.budget.steps=10"};
  const PretrainConfig config = load<PretrainConfig>(path, steps);
  validate(config);
  CHECK(config.budget.tokens == 0);
  CHECK(config.budget.steps == 10);
}

TEST_CASE("arch.family gives the other keys their defaults, wherever it is written") {
  const testing::TempDir dir;
  const auto path = dir.write("run.yaml", "arch: {layers: 4, ffn: {width: 64}}\n");
  const std::vector<std::string> family = {"arch.hidden_size=128", "arch.family=bert"};
  const nn::EncoderOptions arch = load<PretrainConfig>(path, family).arch;
  CHECK(arch.layers == 4);
  CHECK(arch.hidden_size == 128);
  CHECK(arch.ffn.width == 64);
  CHECK(arch.ffn.type == nn::FeedForwardType::kDense);
  CHECK(arch.norm_placement == nn::NormPlacement::kPost);
  CHECK(arch.embedding.token_types == 2);
  CHECK(arch.head_transform);
  CHECK(kPretrain.error_with({"arch.family=roberta"}).find("one of crammed, bert") != std::string::npos);
}

TEST_CASE("the architecture survives a round trip through settings") {
  nn::EncoderOptions options;
  options.layers = 3;
  options.norm_eps = 1e-5;
  options.ffn.type = nn::FeedForwardType::kLeafTree;
  options.attention.rotary = true;
  options.norm_placement = nn::NormPlacement::kPost;
  options.ffn.activation = nn::Activation::kGeluTanh;
  options.embedding.token_types = 3;
  options.pooler = true;
  options.ffn.linear_rank = 5;
  options.ffn.layers = {0, 2};
  options.ffn.other_width = 12;
  const nn::EncoderOptions again = arch_from_settings(arch_settings(options));
  CHECK(again.layers == 3);
  CHECK(again.norm_eps == 1e-5);
  CHECK(again.ffn.type == nn::FeedForwardType::kLeafTree);
  CHECK(again.attention.rotary);
  CHECK(again.ffn.linear_rank == 5);
  CHECK(again.ffn.layers == std::vector<std::int64_t>{0, 2});
  CHECK(again.ffn.other_width == 12);
}

TEST_CASE("a setting is one text, a list too") {
  const Setting list{"arch.ffn.layers", {"0", "2"}, true, ""};
  CHECK(setting_text(list) == "[0, 2]");
  for (const char* text : {"[0, 2]", "[0,2]"}) {
    const Setting again = setting_from_text(list.key, text, "file");
    CHECK(again.values == list.values);
    CHECK(again.is_list);
    CHECK(again.where == "file");
  }
  CHECK(setting_from_text("a", "[]", "").values.empty());
  CHECK(setting_text({"a", {"gelu"}, false, ""}) == "gelu");
  CHECK_FALSE(setting_from_text("a", "gelu", "").is_list);
}

TEST_CASE("what each key may do when a pretraining is resumed") {
  for (const char* key : {"run", "resume", "train.max_steps", "train.detect_anomaly", "eval.steps",
                          "log.steps", "save.keep", "save.minutes"}) {
    INFO(key);
    CHECK(pretrain_resume_rule(key) == ResumeRule::kFree);
  }
  for (const char* key : {"data", "init"}) CHECK(pretrain_resume_rule(key) == ResumeRule::kInput);
  CHECK(pretrain_resume_rule("train.micro_batch") == ResumeRule::kRounding);
  const ResumeRules distilling = pretrain_resume_rules(kPretrain.with({"distill.layers=[0]"}));
  for (const char* key : {"train.micro_batch", "train.gradient_groups"})
    CHECK(distilling(key) == ResumeRule::kSame);
  CHECK(distilling("log.steps") == ResumeRule::kFree);
  for (const char* key : {"train.lr", "train.budget.steps", "train.batch_size", "arch.ffn.depth", "seed"}) {
    INFO(key);
    CHECK(pretrain_resume_rule(key) == ResumeRule::kSame);
  }
}

}  // namespace espalier::config
