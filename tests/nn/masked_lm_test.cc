// ctest-label: threads
#include "espalier/nn/masked_lm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/ops/gather.h"
#include "espalier/ops/gelu.h"
#include "espalier/ops/layer_norm.h"
#include "espalier/ops/linear.h"
#include "espalier/ops/shape.h"
#include "espalier/ops/vocabulary_cross_entropy.h"
#include "tests/support/support.h"

namespace espalier::nn {
namespace {

constexpr std::int64_t kSequences = 5;
constexpr std::int64_t kLength = 12;

EncoderOptions small() {
  EncoderOptions options;
  options.layers = 2;
  options.hidden_size = 16;
  options.attention.heads = 2;
  options.embedding.vocab_size = 60;
  options.embedding.max_positions = 16;
  options.ffn = {.trees = 2, .depth = 3};
  return options;
}

struct Batch {
  IntTensor ids = IntTensor::empty({kSequences, kLength});
  Tensor mask = Tensor::full({kSequences, kLength}, 1.0F);
  // Sequences have from none to four predictions; the first and the last place are among them.
  std::vector<std::int32_t> positions{0, 3, 4, 11, 13, 24, 25, 30, 49, 59}, targets;
};

Batch random_batch() {
  Batch batch;
  const Philox random(3, RandomStream::kInit);
  for (std::int64_t i = 0; i < batch.ids.size(); ++i) {
    batch.ids.data()[i] = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(i), 60));
  }
  for (const std::int32_t position : batch.positions) {
    batch.targets.push_back(batch.ids.data()[position]);
    batch.ids.data()[position] = 59;
  }
  for (std::int64_t i = 20; i < 24; ++i) batch.mask.data()[i] = 0.0F;
  return batch;
}

struct Result {
  float loss = 0;
  std::int64_t correct = 0;
  std::map<std::string, std::vector<float>> gradients;
};

Result gradients_of(MaskedLm& model, const std::function<MaskedLmResult()>& forward) {
  model.clear_gradients();
  const MaskedLmResult found = forward();
  backward(found.loss);
  Result result{found.loss.item(), found.correct, {}};
  for (const NamedParameter& parameter : model.parameters()) {
    if (parameter.value.grad().defined())
      result.gradients[parameter.name] = parameter.value.grad().to_vector();
  }
  return result;
}

Result of_loss(MaskedLm& model, const Batch& batch, ForwardContext context = {}) {
  return gradients_of(model, [&] {
    return model.loss({batch.ids, batch.mask}, batch.positions, batch.targets, 7.0, context);
  });
}

// The head's transform, written out.
Variable transformed(MaskedLm& model, const Variable& rows) {
  if (!model.options().head_transform) return rows;
  std::map<std::string, Variable> named;
  for (const NamedParameter& parameter : model.parameters()) named[parameter.name] = parameter.value;
  const Variable linear =
      ops::linear(rows, named.at("transform.dense.weight"), named.at("transform.dense.bias"));
  return ops::layer_norm(ops::gelu_tanh(linear), named.at("transform.norm.weight"),
                         named.at("transform.norm.bias"), static_cast<float>(model.options().norm_eps));
}

// The same from the hidden states of all positions.
Result of_all_positions(MaskedLm& model, const Batch& batch) {
  return gradients_of(model, [&] {
    ForwardContext context;
    const Variable hidden = model.encoder().forward({batch.ids, batch.mask}, context);
    const auto count = static_cast<std::int64_t>(batch.positions.size());
    const Variable rows = ops::gather_rows(ops::reshape(hidden, {kSequences * kLength, 16}),
                                           IntTensor::from({count}, batch.positions));
    MaskedLmResult result;
    Variable bias;
    for (const NamedParameter& parameter : model.parameters()) {
      if (parameter.name == "decoder.bias") bias = parameter.value;
    }
    result.loss = ops::vocabulary_cross_entropy(transformed(model, rows), model.encoder().word_embedding(),
                                                bias, IntTensor::from({count}, batch.targets),
                                                {.total_count = 7.0}, &result.correct);
    return result;
  });
}

void check_equal(const Result& found, const Result& expected, float tolerance) {
  CHECK(found.loss == doctest::Approx(expected.loss).epsilon(1e-6));
  CHECK(found.correct == expected.correct);
  REQUIRE(found.gradients.size() == expected.gradients.size());
  for (const auto& [parameter, gradient] : expected.gradients) {
    const std::string& name = parameter;
    CAPTURE(name);
    const std::vector<float>& own = found.gradients.at(name);
    REQUIRE(own.size() == gradient.size());
    double largest = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      largest = testing::larger_error(
          largest, std::abs(static_cast<double>(own[i]) - static_cast<double>(gradient[i])));
    }
    CHECK(largest <= static_cast<double>(tolerance));
  }
}

void check_narrowed(const EncoderOptions& options) {
  MaskedLm model(options);
  initialize(model, 0.3, 5);
  const Batch batch = random_batch();
  ForwardContext context;
  REQUIRE(narrows_last_layer(options, context, batch.ids.size(), 10));
  check_equal(of_loss(model, batch), of_all_positions(model, batch), 2e-6F);
}

TEST_CASE("the loss and all gradients are those of a last layer computed at all positions") {
  EncoderOptions options = small();
  options.decoder_bias = true;
  SUBCASE("neuron trees") {}
  SUBCASE("rotary, biases") {
    options.attention.rotary = true;
    options.attention.qkv_bias = true;
    options.use_bias = true;
  }
  SUBCASE("leaf trees") {
    options.ffn = {.type = FeedForwardType::kLeafTree, .trees = 1, .depth = 2, .leaf_width = 3};
  }
  SUBCASE("dense, one layer, no final norm") {
    options.ffn = {.type = FeedForwardType::kDense, .width = 20};
    options.layers = 1;
    options.final_norm = false;
  }
  SUBCASE("as BERT: post-norm, biases, learned positions, token types, head transform") {
    options = bert_options();
    options.layers = 2;
    options.hidden_size = 16;
    options.attention.heads = 2;
    options.embedding.vocab_size = 60;
    options.embedding.max_positions = 16;
    options.ffn.width = 20;
    options.ffn.activation = Activation::kGeluTanh;
  }
  SUBCASE("post-norm trees with one type") {
    options.norm_placement = NormPlacement::kPost;
    options.embedding.token_types = 1;
  }
  SUBCASE("no second half") {
    options.ffn = {.type = FeedForwardType::kDense, .width = 0};
  }
  check_narrowed(options);
}

TEST_CASE("the narrowed last layer gives the same bits for any number of threads") {
  MaskedLm model(small());
  initialize(model, 0.3, 5);
  const Batch batch = random_batch();
  const int before = thread_count();
  set_thread_count(1);
  const Result expected = of_loss(model, batch);
  for (const int threads : {2, 3, 8}) {
    set_thread_count(threads);
    const Result found = of_loss(model, batch);
    CHECK(found.loss == expected.loss);
    CHECK(found.gradients == expected.gradients);
  }
  set_thread_count(before);
}

TEST_CASE("a token's type is its row of the table, and none given means 0") {
  EncoderOptions options = small();
  options.embedding.token_types = 2;
  options.embedding.norm = false;
  options.layers = 0;
  options.final_norm = false;
  MaskedLm model(options);
  initialize(model, 0.3, 5);
  const Batch batch = random_batch();
  std::map<std::string, Variable> named;
  for (const NamedParameter& parameter : model.parameters()) named[parameter.name] = parameter.value;
  const Tensor& table = named.at("encoder.embedding.token_type_embedding.weight").value();
  ForwardContext context;
  IntTensor types = IntTensor::zeros(batch.ids.shape());
  const Tensor first = model.encoder().forward({batch.ids, {}, types}, context).value();
  CHECK(model.encoder().forward({batch.ids}, context).value().to_vector() == first.to_vector());
  types.data()[7] = 1;
  const Tensor second = model.encoder().forward({batch.ids, {}, types}, context).value();
  for (std::int64_t i = 0; i < first.size(); ++i) {
    const float step = i / 16 == 7 ? table.data()[16 + i % 16] - table.data()[i % 16] : 0.0F;
    CHECK(second.data()[i] - first.data()[i] == doctest::Approx(step).epsilon(1e-4));
  }
  types.data()[7] = 2;
  CHECK_THROWS_AS(model.encoder().forward({batch.ids, {}, types}, context), InputError);
}

TEST_CASE("packed sequences give the states, the loss and the gradients of each alone") {
  EncoderOptions options = small();
  SUBCASE("crammed: scaled sinusoids, trees") {}
  SUBCASE("rotary") {
    options.embedding.positions = Positions::kNone;
    options.attention.rotary = true;
  }
  SUBCASE("learned positions, types, post-norm") {
    options.embedding.positions = Positions::kLearned;
    options.embedding.token_types = 2;
    options.norm_placement = NormPlacement::kPost;
  }
  MaskedLm model(options);
  initialize(model, 0.3, 5);
  const std::vector<std::vector<std::int32_t>> texts = {{7, 8, 9, 10, 11}, {12}, {13, 14, 7}};
  const std::vector<std::vector<std::int32_t>> types = {{0, 0, 1, 1, 1}, {0}, {1, 0, 1}};
  Tokens packed{IntTensor::from({9}, {7, 8, 9, 10, 11, 12, 13, 14, 7})};
  packed.types = IntTensor::from({9}, {0, 0, 1, 1, 1, 0, 1, 0, 1});
  packed.first_rows = IntTensor::from({4}, {0, 5, 6, 9});
  const std::vector<std::vector<std::int32_t>> places = {{1, 4}, {}, {2}}, targets = {{20, 21}, {}, {22}};

  const Result found = gradients_of(model, [&] {
    ForwardContext context;
    return model.loss(packed, {1, 4, 8}, {20, 21, 22}, 3.0, context);
  });
  Result expected;
  model.clear_gradients();
  std::vector<float> states;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Shape shape{1, static_cast<std::int64_t>(texts[i].size())};
    const Tokens one{IntTensor::from(shape, texts[i]), {}, IntTensor::from(shape, types[i])};
    ForwardContext context;
    const Tensor hidden = model.encoder().forward(one, context).value();
    states.insert(states.end(), hidden.span().begin(), hidden.span().end());
    if (places[i].empty()) continue;
    const MaskedLmResult part = model.loss(one, places[i], targets[i], 3.0, context);
    expected.loss += part.loss.item();
    expected.correct += part.correct;
    backward(part.loss);
  }
  for (const NamedParameter& parameter : model.parameters()) {
    if (parameter.value.grad().defined())
      expected.gradients[parameter.name] = parameter.value.grad().to_vector();
  }
  check_equal(found, expected, 2e-6F);
  ForwardContext context;
  const Tensor hidden = model.encoder().forward(packed, context).value();
  REQUIRE(hidden.shape() == Shape{9, 16});
  for (std::size_t i = 0; i < states.size(); ++i) {
    CHECK(hidden.span()[i] == doctest::Approx(states[i]).epsilon(1e-5));
  }
}

TEST_CASE("a pooler is carried along: its weights get no gradient, and no head means no logits") {
  EncoderOptions options = small();
  options.pooler = true;
  MaskedLm model(options);
  initialize(model, 0.3, 5);
  const Result result = of_loss(model, random_batch());
  CHECK_FALSE(result.gradients.contains("pooler.dense.weight"));
  for (const NamedParameter& parameter : model.parameters()) {
    CHECK(parameter.value.requires_grad() == !parameter.name.starts_with("pooler."));
  }
  options.masked_lm_head = false;
  MaskedLm headless(options);
  CHECK(testing::error_of([&] { of_loss(headless, random_batch()); }) ==
        "the model only encodes: it came without the head of a masked language model");
}

TEST_CASE("positions that do not ascend are predicted too") {
  MaskedLm model(small());
  initialize(model, 0.3, 5);
  Batch batch = random_batch();
  const Result expected = of_loss(model, batch);
  std::swap(batch.positions[1], batch.positions[7]);
  std::swap(batch.targets[1], batch.targets[7]);
  check_equal(of_loss(model, batch), expected, 2e-6F);
}

TEST_CASE("the last layer is computed in full where more than predictions is asked for") {
  const EncoderOptions tree = small();
  EncoderOptions dense = small();
  dense.ffn = {.type = FeedForwardType::kDense, .width = 20};
  ops::LayerStatistics statistics;
  ForwardContext plain, mixed, counted, dropped;
  mixed.routing.mode = ops::RoutingMode::kSoft;
  counted.statistics = &statistics;
  dropped.dropout = true;
  CHECK(narrows_last_layer(tree, plain, 60, 30));
  CHECK_FALSE(narrows_last_layer(tree, plain, 60, 31));
  CHECK_FALSE(narrows_last_layer(tree, mixed, 60, 10));
  CHECK_FALSE(narrows_last_layer(tree, counted, 60, 10));
  CHECK_FALSE(narrows_last_layer(tree, dropped, 60, 10));
  CHECK(narrows_last_layer(dense, counted, 60, 10));
  CHECK_FALSE(narrows_last_layer(dense, dropped, 60, 10));

  MaskedLm model(tree);
  initialize(model, 0.3, 5);
  of_loss(model, random_batch(), counted);
  REQUIRE(statistics.size() == 2);
  CHECK(statistics[1].tokens == kSequences * kLength);
}

}  // namespace
}  // namespace espalier::nn
