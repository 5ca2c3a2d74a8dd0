#include "espalier/optim/optimizer.h"

#include <doctest/doctest.h>

#include "espalier/nn/classifier.h"
#include "espalier/nn/masked_lm.h"
#include "tests/support/support.h"

namespace espalier::optim {
namespace {

using Names = std::vector<std::string>;

Names of_muon(const nn::Module& model) {
  const Optimizer optimizer(model.parameters(), {.kind = OptimizerKind::kMuon});
  Names names;
  for (const MuonSlot& slot : optimizer.muon().slots()) {
    const nn::RowTurns& turns = slot.turns;
    names.push_back(slot.name + " " + std::to_string(turns.matrices) + "x" + std::to_string(turns.rows));
  }
  CHECK(names.size() + optimizer.adamw().slots().size() == model.parameters().size());
  return names;
}

nn::EncoderOptions one_layer() {
  nn::EncoderOptions options;
  options.layers = 1;
  options.hidden_size = 24;
  options.attention.heads = 4;
  options.embedding.vocab_size = 16;
  return options;
}

}  // namespace

TEST_CASE("Muon has attention's matrices and none of the trees'; queries, keys and values go one by one") {
  const std::string layer = "encoder.layers.0.";
  nn::EncoderOptions options = one_layer();
  const Names attention = {layer + "attn.self_attention.query_key_value.weight 3x6",
                           layer + "attn.dense.weight 1x24"};
  for (const nn::FeedForwardType tree : {nn::FeedForwardType::kNeuronTree, nn::FeedForwardType::kLeafTree}) {
    options.ffn.type = tree;
    options.ffn.depth = 2;
    CHECK(of_muon(nn::MaskedLm(options)) == attention);
  }
  Names all = attention;
  options.ffn.linear_rank = 4;
  all.push_back(layer + "ffn.linear_path.down.weight 1x4");
  all.push_back(layer + "ffn.linear_path.up.weight 1x24");
  CHECK(of_muon(nn::MaskedLm(options)) == all);
}

TEST_CASE("Muon has dense layers' matrices, a gate's by itself, and those of heads but the last") {
  const std::string layer = "encoder.layers.0.";
  nn::EncoderOptions options = one_layer();
  options.ffn.type = nn::FeedForwardType::kGated;
  options.ffn.width = 32;
  options.head_transform = true;
  CHECK(of_muon(nn::MaskedLm(options)) ==
        Names{layer + "attn.self_attention.query_key_value.weight 3x6", layer + "attn.dense.weight 1x24",
              layer + "ffn.dense_in.weight 2x16", layer + "ffn.dense_out.weight 1x24",
              "transform.dense.weight 1x24"});
  options.ffn.type = nn::FeedForwardType::kDense;
  nn::SequenceClassifier classifier(options, {.head_dim = 12, .labels = 2});
  CHECK(of_muon(classifier) == Names{layer + "attn.self_attention.query_key_value.weight 3x6",
                                     layer + "attn.dense.weight 1x24", layer + "ffn.dense_in.weight 1x32",
                                     layer + "ffn.dense_out.weight 1x24", "pooler.dense.weight 1x12"});
}

TEST_CASE("AdamW alone has everything, and Muon without anything to do is refused") {
  nn::MaskedLm model(one_layer());
  const Optimizer optimizer(model.parameters(), {});
  CHECK(optimizer.muon().slots().empty());
  CHECK(optimizer.adamw().slots().size() == model.parameters().size());

  const Variable head(Tensor::zeros({2, 3}), true), frozen(Tensor::zeros({2, 3}), false);
  CHECK(testing::error_of([&] {
          Optimizer({{"head.weight", head}, {"up.weight", frozen, nn::ParameterRole::kHiddenMatrix}},
                    {.kind = OptimizerKind::kMuon});
        }).starts_with("train.optimizer: muon: "));
}

TEST_CASE("a step is one of both, with one norm over all") {
  Variable hidden(Tensor::zeros({1, 1}), true), bias(Tensor::zeros({1}), true);
  hidden.accumulate_grad(Tensor::full({1, 1}, 3.0F));
  bias.accumulate_grad(Tensor::full({1}, 4.0F));
  Optimizer optimizer(
      {{"hidden", hidden, nn::ParameterRole::kHiddenMatrix}, {"bias", bias, nn::ParameterRole::kBias}},
      {.kind = OptimizerKind::kMuon, .muon = {.bfloat16 = false}});
  CHECK(optimizer.gradient_norm().norm == doctest::Approx(5));
  optimizer.step(0.1, 1.0);
  CHECK(optimizer.steps() == 1);
  CHECK(static_cast<double>(bias.item()) == doctest::Approx(-0.1));
  // One singular value, which the iteration brings from 1 to 0.7012 (a x + b x^3 + c x^5, five times).
  double x = 1;
  for (int i = 0; i < 5; ++i) x = 3.4445 * x - 4.7750 * x * x * x + 2.0315 * x * x * x * x * x;
  CHECK(static_cast<double>(hidden.item()) == doctest::Approx(-0.1 * 0.2 * x));
}

}  // namespace espalier::optim
