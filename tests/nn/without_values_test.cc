#include <doctest/doctest.h>

#include "espalier/nn/masked_lm.h"
#include "espalier/tensor/pool.h"

namespace espalier::nn {
namespace {

TEST_CASE(
    "modules whose parameters are to come take no memory for them, and compute the same once they are "
    "there") {
  EncoderOptions options;
  options.layers = 2;
  options.hidden_size = 128;
  options.attention.heads = 2;
  options.embedding.vocab_size = 5000;
  options.embedding.max_positions = 16;
  options.ffn = {.type = FeedForwardType::kNeuronTree, .trees = 1, .depth = 8};
  MaskedLm filled(options);
  initialize(filled, 0.1, 3);

  const std::int64_t live = pool_statistics().live_bytes;
  std::unique_ptr<MaskedLm> empty;
  {
    const WithoutValuesGuard none;
    empty = std::make_unique<MaskedLm>(options);
  }
  CHECK(pool_statistics().live_bytes - live < filled.parameter_count());  // a quarter of its bytes
  CHECK(empty->parameter_count() == filled.parameter_count());
  const std::vector<NamedParameter> from = filled.parameters();
  std::vector<NamedParameter> to = empty->parameters();
  for (std::size_t i = 0; i < from.size(); ++i) {
    CHECK(to[i].value.shape() == from[i].value.shape());
    CHECK(to[i].value.requires_grad() == from[i].value.requires_grad());
    to[i].value.set_value(from[i].value.value());
  }
  ForwardContext context;
  const Tokens tokens{IntTensor::from({1, 3}, {4, 900, 17})};
  CHECK(empty->logits(tokens, {1}, context).value().to_vector() ==
        filled.logits(tokens, {1}, context).value().to_vector());
  // What is made after the guard has values again.
  CHECK(MaskedLm(options).parameters()[0].value.value().defined());
}

}  // namespace
}  // namespace espalier::nn
