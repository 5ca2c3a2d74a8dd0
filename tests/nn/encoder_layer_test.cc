// Where a layer of the encoder drops.
#include <doctest/doctest.h>

#include <vector>

#include "espalier/nn/encoder.h"

namespace espalier::nn {
namespace {

// Final states of six tokens.
std::vector<float> states(const EncoderOptions& options, bool dropout) {
  Encoder encoder(options);
  initialize(encoder, 0.3, 5);
  ForwardContext context;
  context.dropout = dropout;
  context.seed = 1;
  return encoder.forward({IntTensor::from({1, 6}, {1, 2, 3, 4, 5, 6})}, context).value().to_vector();
}

}  // namespace

TEST_CASE("a layer drops what attention gives where its options ask for it, what feeds forward always") {
  EncoderOptions options = bert_options();
  options.layers = 1;
  options.hidden_size = 8;
  options.attention.heads = 2;
  options.attention.dropout = options.embedding.dropout = 0;
  options.embedding.vocab_size = 9;
  options.dropout = 0.5;
  options.ffn.width = 0;
  CHECK(states(options, true) != states(options, false));
  options.attention.output_dropout = false;
  CHECK(states(options, true) == states(options, false));
  options.ffn.width = 16;
  CHECK(states(options, true) != states(options, false));
}

}  // namespace espalier::nn
