#include "espalier/nn/options.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/support.h"

namespace espalier::nn {

TEST_CASE("what no encoder can have is refused by name") {
  const auto said_of = [](const auto& change) {
    EncoderOptions options;
    change(options);
    return testing::error_of([&] { validate(options); });
  };
  CHECK_NOTHROW(validate(EncoderOptions()));
  CHECK(said_of([](EncoderOptions& o) { o.attention.heads = 0; }) ==
        "architecture: arch.attention.heads must be at least 1, got 0");
  CHECK(said_of([](EncoderOptions& o) { o.attention.heads = -4; }) ==
        "architecture: arch.attention.heads must be at least 1, got -4");
  CHECK(said_of([](EncoderOptions& o) { o.layers = -1; }) ==
        "architecture: arch.layers must be at least 0, got -1");
  CHECK(said_of([](EncoderOptions& o) { o.hidden_size = 0; }) ==
        "architecture: arch.hidden_size must be at least 1, got 0");
  CHECK(said_of([](EncoderOptions& o) { o.embedding.max_positions = 0; }) ==
        "architecture: arch.embedding.max_positions must be at least 1, got 0");
  CHECK(said_of([](EncoderOptions& o) { o.dropout = 1.5; }) ==
        "architecture: arch.dropout must be at least 0 and below 1, got 1.5");
  CHECK(said_of([](EncoderOptions& o) { o.attention.dropout = NAN; }) ==
        "architecture: arch.attention.dropout must be at least 0 and below 1, got nan");
  CHECK(said_of([](EncoderOptions& o) { o.norm_eps = -1; }) ==
        "architecture: arch.norm_eps must be at least 0, got -1");
  CHECK(said_of([](EncoderOptions& o) { o.ffn.depth = -1; }) ==
        "architecture: arch.ffn.depth must be at least 0, got -1");
  EncoderOptions dense;
  dense.ffn.type = FeedForwardType::kDense;
  dense.ffn.width = 0;  // no feedforward layer
  CHECK_NOTHROW(validate(dense));
  dense.ffn.width = -4;
  CHECK(testing::error_of([&] { validate(dense); }) ==
        "architecture: arch.ffn.width must be at least 0, got -4");
}

}  // namespace espalier::nn
