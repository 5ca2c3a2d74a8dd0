#include "espalier/nn/parameter_role.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "espalier/nn/classifier.h"
#include "espalier/nn/masked_lm.h"

namespace espalier::nn {
namespace {

// What is done to a parameter, written down by its name alone.
struct Expected {
  std::string name;
  std::string what;  // of "drawn", "decays" and "decides" those that hold, in this order
};

std::vector<Expected> transformer_layer(const std::string& layer) {
  return {{layer + "norm1.weight", ""},
          {layer + "norm1.bias", ""},
          {layer + "attn.self_attention.query_key_value.weight", "drawn decays"},
          {layer + "attn.dense.weight", "drawn decays"},
          {layer + "norm2.weight", ""},
          {layer + "norm2.bias", ""}};
}

std::vector<Expected> model_of(const std::vector<Expected>& feed_forward, std::int64_t layers) {
  std::vector<Expected> all = {{"encoder.embedding.word_embedding.weight", "drawn decays"},
                               {"encoder.embedding.pos_embedding.scale_factor", "decays"},
                               {"encoder.embedding.norm.weight", ""},
                               {"encoder.embedding.norm.bias", ""}};
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string layer = "encoder.layers." + std::to_string(i) + ".";
    for (const Expected& one : transformer_layer(layer)) all.push_back(one);
    for (const Expected& one : feed_forward) all.push_back({layer + "ffn." + one.name, one.what});
  }
  all.push_back({"encoder.final_norm.weight", ""});
  all.push_back({"encoder.final_norm.bias", ""});
  return all;
}

const std::vector<Expected> kNeurons = {{"linear_in.weight", "drawn decays decides"},
                                        {"linear_in.bias", "decides"},
                                        {"linear_out.weight_t", "drawn decays"}};
const std::vector<Expected> kLeaves = {{"gate.weight", "drawn decays decides"}, {"gate.bias", "decides"},
                                       {"leaf_in.weight", "drawn decays"},      {"leaf_in.bias", ""},
                                       {"leaf_out.weight_t", "drawn decays"},   {"leaf_out.bias", ""}};
const std::vector<Expected> kHead = {{"pooler.dense.weight", "drawn decays"},
                                     {"pooler.dense.bias", ""},
                                     {"head.weight", "drawn decays"},
                                     {"head.bias", ""}};

std::string what_is_done(const NamedParameter& parameter) {
  std::string what;
  const auto add = [&](bool holds, const char* word) {
    if (holds) what += (what.empty() ? "" : " ") + std::string(word);
  };
  add(starts_random(parameter.role), "drawn");
  add(decays(parameter.role), "decays");
  add(decides(parameter.role), "decides");
  return what;
}

// The roles say what the table says, and initialize() draws exactly what they say it draws.
void check(Module& model, const std::vector<Expected>& expected) {
  initialize(model, 0.02, 7);
  const std::vector<NamedParameter> parameters = model.parameters();
  REQUIRE(parameters.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(parameters[i].name == expected[i].name);
    INFO(parameters[i].name);
    CHECK(what_is_done(parameters[i]) == expected[i].what);
    const auto values = parameters[i].value.value().span();
    const bool drawn = std::set<float>(values.begin(), values.end()).size() > 1;
    CHECK(drawn == expected[i].what.starts_with("drawn"));
  }
}

// The published model's form, narrow.
EncoderOptions published() {
  EncoderOptions options;
  options.layers = 2;
  options.hidden_size = 24;
  options.embedding.vocab_size = 16;
  return options;
}

}  // namespace

TEST_CASE("roles of the 1x11 model, as a masked LM and as a classifier") {
  const EncoderOptions options = published();
  MaskedLm lm(options);
  check(lm, model_of(kNeurons, 2));
  SequenceClassifier classifier(options, {});
  std::vector<Expected> expected = model_of(kNeurons, 2);
  expected.insert(expected.end(), kHead.begin(), kHead.end());
  check(classifier, expected);
}

TEST_CASE("roles of a model of trees with MLP leaves, and of single leaves without gates") {
  EncoderOptions options = published();
  options.ffn.type = FeedForwardType::kLeafTree;
  options.ffn.depth = 3;
  MaskedLm trees(options);
  check(trees, model_of(kLeaves, 2));
  options.ffn.depth = 0;
  MaskedLm leaves(options);
  check(leaves, model_of({kLeaves.begin() + 2, kLeaves.end()}, 2));
}

TEST_CASE("roles of a dense model with everything that may be switched on") {
  EncoderOptions options = published();
  options.layers = 1;
  options.use_bias = options.attention.qkv_bias = options.decoder_bias = true;
  options.embedding.positions = Positions::kLearned;
  options.ffn.type = FeedForwardType::kDense;
  options.ffn.width = 40;
  const std::string layer = "encoder.layers.0.";
  MaskedLm model(options);
  check(model, {{"decoder.bias", ""},
                {"encoder.embedding.word_embedding.weight", "drawn decays"},
                {"encoder.embedding.pos_embedding.embedding.weight", "drawn decays"},
                {"encoder.embedding.norm.weight", ""},
                {"encoder.embedding.norm.bias", ""},
                {layer + "norm1.weight", ""},
                {layer + "norm1.bias", ""},
                {layer + "attn.self_attention.query_key_value.weight", "drawn decays"},
                {layer + "attn.self_attention.query_key_value.bias", ""},
                {layer + "attn.dense.weight", "drawn decays"},
                {layer + "attn.dense.bias", ""},
                {layer + "norm2.weight", ""},
                {layer + "norm2.bias", ""},
                {layer + "ffn.dense_in.weight", "drawn decays"},
                {layer + "ffn.dense_in.bias", ""},
                {layer + "ffn.dense_out.weight", "drawn decays"},
                {layer + "ffn.dense_out.bias", ""},
                {"encoder.final_norm.weight", ""},
                {"encoder.final_norm.bias", ""}});
}

}  // namespace espalier::nn
