// Every number, switch and choice of a pretraining's configuration is bound to its own member: each key is
// given a value that no other has.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "espalier/config/pretrain_config.h"
#include "tests/support/support.h"

namespace espalier::config {
namespace {

struct Bound {
  std::string key, text;
  std::function<double(const PretrainConfig&)> member;
};

// Members of type double, integer, bool or enum.
template <class Member>
Bound bound(const std::string& key, double value, Member member) {
  return {key, fmt::format("{}", value),
          [member](const PretrainConfig& c) { return static_cast<double>(member(c)); }};
}

template <class Member>
Bound choice(const std::string& key, const std::string& name, Member member) {
  return {key, name, [member](const PretrainConfig& c) { return member(c) ? 1.0 : 0.0; }};
}

#define MEMBER(path) [](const PretrainConfig& c) { return c.path; }
#define IS(path, value) [](const PretrainConfig& c) { return c.path == (value); }

const std::vector<Bound>& numbers() {
  static const std::vector<Bound> all = {
      bound("seed", 11, MEMBER(seed)),
      bound("arch.layers", 12, MEMBER(arch.layers)),
      bound("arch.hidden_size", 13, MEMBER(arch.hidden_size)),
      bound("arch.dropout", 0.14, MEMBER(arch.dropout)),
      bound("arch.norm_eps", 0.15, MEMBER(arch.norm_eps)),
      bound("arch.init_std", 0.16, MEMBER(arch.init_std)),
      bound("arch.embedding.vocab_size", 17, MEMBER(arch.embedding.vocab_size)),
      bound("arch.embedding.max_positions", 18, MEMBER(arch.embedding.max_positions)),
      bound("arch.embedding.token_types", 19, MEMBER(arch.embedding.token_types)),
      bound("arch.embedding.dropout", 0.2, MEMBER(arch.embedding.dropout)),
      bound("arch.embedding.pad_id", 21, MEMBER(arch.embedding.pad_id)),
      bound("arch.attention.heads", 22, MEMBER(arch.attention.heads)),
      bound("arch.attention.dropout", 0.23, MEMBER(arch.attention.dropout)),
      bound("arch.ffn.width", 24, MEMBER(arch.ffn.width)),
      bound("arch.ffn.trees", 25, MEMBER(arch.ffn.trees)),
      bound("arch.ffn.depth", 9, MEMBER(arch.ffn.depth)),
      bound("arch.ffn.leaf_width", 27, MEMBER(arch.ffn.leaf_width)),
      bound("arch.ffn.linear_rank", 28, MEMBER(arch.ffn.linear_rank)),
      bound("arch.ffn.other_width", 29, MEMBER(arch.ffn.other_width)),
      bound("distill.layerwise_until", 0.31, MEMBER(distill.layerwise_until)),
      bound("distill.start_tokens", 32, MEMBER(distill.start_tokens)),
      bound("routing.temperature", 0.33, MEMBER(routing.temperature)),
      bound("routing.entropy_weight", 0.34, MEMBER(routing.entropy_weight)),
      bound("routing.region_leak", 0.35, MEMBER(routing.region_leak)),
      bound("routing.epsilon", 0.36, MEMBER(routing.epsilon)),
      bound("routing.anneal.start", 0.37, MEMBER(routing.anneal_start)),
      bound("routing.anneal.end", 0.38, MEMBER(routing.anneal_end)),
      bound("routing.anneal.temperature0", 0.39, MEMBER(routing.anneal_temperature0)),
      bound("routing.anneal.temperature1", 0.4, MEMBER(routing.anneal_temperature1)),
      bound("routing.anneal.entropy0", 0.41, MEMBER(routing.anneal_entropy0)),
      bound("routing.anneal.entropy1", 0.42, MEMBER(routing.anneal_entropy1)),
      bound("routing.anneal.epsilon", 0.43, MEMBER(routing.anneal_epsilon)),
      bound("routing.straight_through.temperature0", 0.44, MEMBER(routing.ste_temperature0)),
      bound("routing.straight_through.temperature1", 0.45, MEMBER(routing.ste_temperature1)),
      bound("routing.straight_through.until", 0.46, MEMBER(routing.ste_until)),
      bound("routing.straight_through.epsilon", 0.47, MEMBER(routing.ste_epsilon)),
      bound("train.max_steps", 49, MEMBER(max_steps)),
      bound("train.lr", 0.5, MEMBER(optimizer.lr)),
      bound("train.beta1", 0.51, MEMBER(optimizer.beta1)),
      bound("train.beta2", 0.52, MEMBER(optimizer.beta2)),
      bound("train.eps", 0.53, MEMBER(optimizer.eps)),
      bound("train.momentum", 0.54, MEMBER(optimizer.momentum)),
      bound("train.weight_decay", 0.55, MEMBER(optimizer.weight_decay)),
      bound("train.clip", 0.56, MEMBER(optimizer.clip)),
      bound("train.warmup", 0.57, MEMBER(warmup)),
      bound("train.batch_size", 58, MEMBER(batch_size)),
      bound("train.micro_batch", 59, MEMBER(micro_batch)),
      bound("train.gradient_groups", 60, MEMBER(gradient_groups)),
      bound("train.batch_ramp", 0.61, MEMBER(batch_ramp)),
      bound("train.mask_rate", 0.62, MEMBER(mask_rate)),
      bound("log.steps", 63, MEMBER(log_steps)),
      bound("eval.steps", 64, MEMBER(eval_steps)),
      bound("eval.sequences", 65, MEMBER(eval_sequences)),
      bound("save.steps", 66, MEMBER(save_steps)),
      bound("save.minutes", 67, MEMBER(save_minutes)),
      bound("save.keep", 68, MEMBER(keep_checkpoints)),
  };
  return all;
}

// Away from their defaults, by turns.
const std::vector<Bound>& choices() {
  using nn::Activation;
  static const std::vector<Bound> all = {
      choice("arch.use_bias", "true", MEMBER(arch.use_bias)),
      choice("arch.norm_placement", "post", IS(arch.norm_placement, nn::NormPlacement::kPost)),
      choice("arch.final_norm", "false", IS(arch.final_norm, false)),
      choice("arch.masked_lm_head", "false", IS(arch.masked_lm_head, false)),
      choice("arch.head_transform", "true", MEMBER(arch.head_transform)),
      choice("arch.decoder_bias", "true", MEMBER(arch.decoder_bias)),
      choice("arch.pooler", "true", MEMBER(arch.pooler)),
      choice("arch.embedding.positions", "learned", IS(arch.embedding.positions, nn::Positions::kLearned)),
      choice("arch.embedding.norm", "false", IS(arch.embedding.norm, false)),
      choice("arch.attention.rotary", "true", MEMBER(arch.attention.rotary)),
      choice("arch.attention.qkv_bias", "true", MEMBER(arch.attention.qkv_bias)),
      choice("arch.attention.output_dropout", "false", IS(arch.attention.output_dropout, false)),
      choice("arch.ffn.type", "leaf_tree", IS(arch.ffn.type, nn::FeedForwardType::kLeafTree)),
      choice("arch.ffn.activation", "relu", IS(arch.ffn.activation, Activation::kRelu)),
      choice("arch.ffn.leaf_activation", "gelu", IS(arch.ffn.leaf_activation, ops::LeafActivation::kGelu)),
      choice("distill.relative_to", "token", IS(distill.relative_to, RelativeTo::kToken)),
      choice("routing.mode", "soft", IS(routing.mode, Routing::kSoft)),
      choice("routing.entropy", "all_nodes", IS(routing.entropy_form, ops::EntropyForm::kAllNodes)),
      choice("routing.anneal.finish", "hard", IS(routing.anneal_finish, ops::RoutingMode::kHard)),
      choice("train.optimizer", "muon", IS(optimizer.kind, optim::OptimizerKind::kMuon)),
      choice("train.schedule", "cosine", IS(schedule, optim::ScheduleKind::kCosine)),
      choice("train.dropout", "true", MEMBER(dropout)),
      choice("train.precision", "bf16", IS(precision, ops::Precision::kBf16)),
      choice("train.shuffle", "true", MEMBER(shuffle)),
      choice("train.detect_anomaly", "true", MEMBER(detect_anomaly)),
      choice("log.tensorboard", "true", MEMBER(tensorboard)),
      choice("save.stop_on_error", "false", IS(stop_on_save_error, false)),
  };
  return all;
}

// As a file has them: of a file's keys those that nothing reads are no error.
PretrainConfig read(const std::vector<Bound>& keys) {
  const testing::TempDir dir;
  std::string yaml;
  for (const Bound& one : keys) yaml += fmt::format("{}: {}\n", one.key, one.text);
  return load<PretrainConfig>(dir.write("keys.yaml", yaml), {});
}

}  // namespace

TEST_CASE("each number sets its own member") {
  const PretrainConfig config = read(numbers());
  for (const Bound& one : numbers()) {
    CAPTURE(one.key);
    CHECK(one.member(config) == std::stod(one.text));
  }
}

TEST_CASE("each switch and choice sets its own member alone") {
  for (const Bound& one : choices()) {
    const PretrainConfig config = read({one});
    for (const Bound& other : choices()) {
      CAPTURE(one.key);
      CAPTURE(other.key);
      CHECK(other.member(config) == (other.key == one.key ? 1 : 0));
    }
  }
}

TEST_CASE("the lengths of a training, of which a file has one") {
  CHECK(read({{"train.budget.tokens", "70", {}}}).budget.tokens == 70);
  CHECK(read({{"train.budget.steps", "71", {}}}).budget.steps == 71);
  CHECK(read({{"train.budget.minutes", "0.72", {}}}).budget.minutes == 0.72);
}

TEST_CASE("no key is left out here") {
  // Texts and lists, and the family that fills in the others, have tests of their own.
  std::set<std::string> known = {"data",
                                 "run",
                                 "resume",
                                 "init",
                                 "arch.family",
                                 "arch.ffn.layers",
                                 "distill.layers",
                                 "train.budget.tokens",
                                 "train.budget.steps",
                                 "train.budget.minutes"};
  for (const std::vector<Bound>* keys : {&numbers(), &choices()}) {
    for (const Bound& one : *keys) known.insert(one.key);
  }
  PretrainConfig config;
  Fields fields;
  describe(config, fields);
  for (const Setting& setting : fields.settings()) {
    CAPTURE(setting.key);
    CHECK(known.erase(setting.key) == 1);
  }
  CHECK(known.empty());
}

}  // namespace espalier::config
