// ctest-label: threads
// Models that are used in int8 or bf16.
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/parallel.h"
#include "espalier/nn/classifier.h"
#include "espalier/nn/masked_lm.h"
#include "tests/support/support.h"

namespace espalier::nn {
namespace {

using testing::error_of;

EncoderOptions small(FeedForwardType type, std::int64_t depth = 3) {
  EncoderOptions options;
  options.layers = 2;
  options.hidden_size = 64;
  options.attention.heads = 2;
  options.embedding.vocab_size = 60;
  options.embedding.max_positions = 16;
  options.init_std = 0.1;
  options.ffn = {.type = type, .width = 96, .trees = 2, .depth = depth, .leaf_width = 4};
  return options;
}

Tokens batch(std::int64_t sequences) {
  IntTensor ids = IntTensor::empty({sequences, 12});
  for (std::int64_t i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int32_t>(i * 7 % 60);
  return {ids};
}

std::vector<float> hidden(MaskedLm& model, const Tokens& tokens) {
  const NoGradGuard no_gradient;
  ForwardContext context;
  return model.encoder().forward(tokens, context).value().to_vector();
}

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    difference += (x - y) * (x - y);
    size += y * y;
  }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("int8: states and loss are near float32's, on any number of threads, and float32 comes back") {
  for (const EncoderOptions& options :
       {small(FeedForwardType::kNeuronTree), small(FeedForwardType::kNeuronTree, 0),
        small(FeedForwardType::kLeafTree), small(FeedForwardType::kDense), small(FeedForwardType::kGated)}) {
    MaskedLm model(options);
    initialize(model, options.init_std, 5);
    const NoGradGuard no_gradient;
    const Tokens tokens = batch(5);
    const std::vector<std::int32_t> positions = {1, 5, 20, 21, 40}, targets = {3, 4, 5, 6, 7};
    const auto loss = [&] {
      ForwardContext context;
      return model.loss(tokens, positions, targets, 5, context).loss.item();
    };
    const std::vector<float> exact = hidden(model, tokens);
    const float exact_loss = loss();
    model.fix_weights(ops::Precision::kInt8);
    const std::vector<float> found = hidden(model, tokens);
    const double off = relative_difference(found, exact);
    CHECK(off > 1e-4);
    CHECK(off < 0.06);
    CHECK(loss() == doctest::Approx(exact_loss).epsilon(0.02));
    ForwardContext context;
    const Tensor logits = model.logits(tokens, positions, context).value();
    CHECK(logits.shape() == Shape{5, 60});
    set_thread_count(3);
    CHECK(hidden(model, tokens) == found);
    set_thread_count(available_cores());
    model.use_precision(ops::Precision::kFloat32);
    CHECK(hidden(model, tokens) == exact);
  }
}

TEST_CASE("int8: soft trees are computed in float32, the layers around them in int8") {
  const EncoderOptions options = small(FeedForwardType::kNeuronTree);
  MaskedLm int8(options), float32(options);
  const NoGradGuard no_gradient;
  const auto traces_of = [&](MaskedLm& model, ops::Precision precision) {
    initialize(model, options.init_std, 5);
    model.fix_weights(precision);
    std::vector<FeedForwardTrace> traces;
    ForwardContext context;
    context.routing.mode = ops::RoutingMode::kSoft;
    context.traces = &traces;
    model.encoder().forward(batch(2), context);
    return traces;
  };
  const std::vector<FeedForwardTrace> found = traces_of(int8, ops::Precision::kInt8);
  const std::vector<FeedForwardTrace> exact = traces_of(float32, ops::Precision::kFloat32);
  REQUIRE(found.size() == 2);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    CHECK(found[layer].input.value().to_vector() != exact[layer].input.value().to_vector());
    ForwardContext context;
    context.routing.mode = ops::RoutingMode::kSoft;
    FeedForward& trees = *float32.encoder().feed_forward(static_cast<std::int64_t>(layer));
    CHECK(trees.forward(found[layer].input, context).value().to_vector() ==
          found[layer].output.value().to_vector());
  }
}

TEST_CASE("int8: a weight that is no number is named") {
  const EncoderOptions options = small(FeedForwardType::kNeuronTree);
  const auto message = [&](const std::string& name) {
    MaskedLm model(options);
    initialize(model, options.init_std, 5);
    for (NamedParameter& parameter : model.parameters()) {
      if (parameter.name == name) parameter.value.mutable_value().data()[0] = NAN;
    }
    return error_of([&] { model.fix_weights(ops::Precision::kInt8); });
  };
  for (const std::string& name : {std::string("encoder.layers.1.attn.dense.weight"),
                                  std::string("encoder.layers.0.ffn.linear_in.weight"),
                                  std::string("encoder.embedding.word_embedding.weight")}) {
    CHECK(message(name) == name + ": row 0 holds NaN or infinity, which int8 cannot express");
  }
}

TEST_CASE("int8: a classifier") {
  const EncoderOptions options = small(FeedForwardType::kDense);
  SequenceClassifier model(options, {.head_dim = 16, .labels = 3});
  initialize(model, options.init_std, 5);
  const NoGradGuard no_gradient;
  ForwardContext context;
  const std::vector<float> exact = model.forward(batch(4), context).value().to_vector();
  model.fix_weights(ops::Precision::kInt8);
  const std::vector<float> found = model.forward(batch(4), context).value().to_vector();
  CHECK(found != exact);
  CHECK(relative_difference(found, exact) < 0.1);
}

TEST_CASE("bf16: weights that were rounded once give the bits of those rounded at each call") {
  for (const EncoderOptions& options : {small(FeedForwardType::kNeuronTree), small(FeedForwardType::kDense),
                                        small(FeedForwardType::kGated)}) {
    MaskedLm model(options);
    initialize(model, options.init_std, 5);
    const NoGradGuard no_gradient;
    const std::vector<std::int32_t> positions = {1, 5, 20, 21, 40};
    const auto logits = [&] {
      ForwardContext context;
      return model.logits(batch(5), positions, context).value().to_vector();
    };
    const std::vector<float> exact = hidden(model, batch(5));
    model.use_precision(ops::Precision::kBf16);
    const std::vector<float> narrow = hidden(model, batch(5)), narrow_logits = logits();
    model.fix_weights(ops::Precision::kBf16);
    CHECK(hidden(model, batch(5)) == narrow);
    CHECK(logits() == narrow_logits);
    CHECK(relative_difference(narrow, exact) > 1e-5);
    CHECK(relative_difference(narrow, exact) < 0.03);
    model.use_precision(ops::Precision::kFloat32);
    CHECK(hidden(model, batch(5)) == exact);
  }
}

TEST_CASE("int8: weights given in bytes are fixed twice as well as once") {
  const EncoderOptions options = small(FeedForwardType::kNeuronTree);
  MaskedLm model(options);
  initialize(model, options.init_std, 5);
  for (const NamedParameter& parameter : model.parameters()) {
    if (!parameter.name.ends_with("attn.dense.weight") && !parameter.name.ends_with("ffn.linear_in.weight") &&
        !parameter.name.ends_with("ffn.linear_out.weight_t") &&
        !parameter.name.ends_with("word_embedding.weight"))
      continue;
    REQUIRE(model.take_bytes(parameter.name, ops::quantize(parameter.value.value())));
  }
  model.fix_weights(ops::Precision::kInt8);
  const std::vector<float> once = hidden(model, batch(2));
  model.fix_weights(ops::Precision::kInt8);
  CHECK(hidden(model, batch(2)) == once);
}

TEST_CASE("int8 without fixed weights, and gradients of weights that are fixed, are refused") {
  const EncoderOptions options = small(FeedForwardType::kDense);
  MaskedLm model(options);
  initialize(model, options.init_std, 5);
  const auto compute = [&] {
    ForwardContext context;
    return model.encoder().forward(batch(1), context);
  };
  const auto forward = [&] { return error_of(compute); };
  model.use_precision(ops::Precision::kInt8);
  CHECK(forward() ==
        "quantized_embedding: table must be given, got an undefined one (a module's are made by "
        "fix_weights(Precision::kInt8))");
  model.fix_weights(ops::Precision::kInt8);
  CHECK(forward() ==
        "quantized_linear: int8 has no gradients: compute under a NoGradGuard, or in another precision");
  model.fix_weights(ops::Precision::kBf16);
  CHECK(forward() ==
        "linear: a weight that was rounded before has no gradients: compute under a NoGradGuard, or with the "
        "weight itself");
  model.use_precision(ops::Precision::kFloat32);
  CHECK(compute().requires_grad());
}

}  // namespace espalier::nn
