#include "espalier/nn/tokens.h"

#include <doctest/doctest.h>

#include "espalier/nn/encoder.h"
#include "tests/support/support.h"

namespace espalier::nn {
namespace {

using testing::error_of;
using testing::Ids;

void encode(const Tokens& tokens) {
  EncoderOptions options;
  options.layers = 1;
  options.hidden_size = 8;
  options.attention.heads = 2;
  options.embedding.vocab_size = 4;
  options.embedding.max_positions = 10;
  options.ffn.depth = 1;
  Encoder encoder(options);
  ForwardContext context;
  encoder.forward(tokens, context);
}

std::string said_of(const Tokens& tokens) {
  return error_of([&] { encode(tokens); });
}

Tokens packed(const Ids& first_rows) {
  Tokens tokens{IntTensor::zeros({8})};
  tokens.first_rows = IntTensor::from({static_cast<std::int64_t>(first_rows.size())}, first_rows);
  return tokens;
}

}  // namespace

TEST_CASE("packed sequences cover the tokens, each with at least one") {
  CHECK_NOTHROW(encode(packed({0, 3, 8})));
  CHECK(said_of(packed({0, 40000})) ==
        "tokens: first_rows must go from 0 to the number of ids [8], got 0 to 40000");
  CHECK(said_of(packed({0, 9})) == "tokens: first_rows must go from 0 to the number of ids [8], got 0 to 9");
  CHECK(said_of(packed({1, 8})) == "tokens: first_rows must go from 0 to the number of ids [8], got 1 to 8");
  CHECK(said_of(packed({})) == "tokens: first_rows must go from 0 to the number of ids [8], got none");
  const std::string empty =
      "tokens: first_rows must ascend, for each sequence has a token; that of number 1 begins at 3 and ends "
      "before 3";
  CHECK(said_of(packed({0, 3, 3, 8})) == empty);
  CHECK(said_of(packed({0, 900, 8})).find("that of number 1 begins at 900 and ends before 8") !=
        std::string::npos);
}

TEST_CASE("the tensors of tokens have one shape") {
  CHECK_NOTHROW(encode({IntTensor::zeros({2, 4})}));
  CHECK(said_of({IntTensor::zeros({8})}) == "tokens: ids must have 2 axes, got [8]");
  CHECK(said_of({IntTensor()}) == "tokens: ids must have 2 axes, got []");
  CHECK(said_of({IntTensor::zeros({2, 4}), Tensor::zeros({2, 5})}) ==
        "tokens: mask must be [2,4] (as ids), got [2,5]");
  CHECK(said_of({IntTensor::zeros({2, 4}), {}, IntTensor::zeros({8})}) ==
        "tokens: types must be [2,4] (as ids), got [8]");
  Tokens masked = packed({0, 8});
  masked.mask = Tensor::zeros({8});
  CHECK(said_of(masked) == "tokens: first_rows leaves no padding, so there is no mask with it");
  Tokens both = packed({0, 8});
  both.ids = IntTensor::zeros({1, 8});
  CHECK(said_of(both) == "tokens: ids (packed) must have 1 axis, got [1,8]");
}

}  // namespace espalier::nn
