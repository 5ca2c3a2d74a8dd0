// What attention says of arguments that do not fit.
#include <doctest/doctest.h>

#include "espalier/ops/attention.h"
#include "tests/support/support.h"

namespace espalier::ops {

using testing::error_of;

TEST_CASE("attention at some positions says what does not fit") {
  const Variable query(Tensor::zeros({2, 4})), key_value(Tensor::zeros({2, 3, 8}));
  const auto at = [&](std::vector<std::int32_t> positions, const AttentionOptions& options) {
    const auto n = static_cast<std::int64_t>(positions.size());
    return error_of([&] { attention_at(query, key_value, IntTensor::from({n}, positions), options); });
  };
  CHECK(at({1, 6}, {.heads = 2}) ==
        "attention_at: positions[1] is 6, but key_value, by rows, [6] has rows 0 to 5");
  CHECK(at({4, 1}, {.heads = 2}) == "attention_at: positions must ascend");
  CHECK(at({1, 2, 3}, {.heads = 2}) ==
        "attention_at: query must be [3,4] (positions, and half of the last axis of key_value [2,3,8]), got "
        "[2,4]");
  CHECK(at({1, 2}, {.heads = 3}) ==
        "attention_at: the last axis of key_value [2,3,8] must be a positive multiple of 2 * 3 heads");
  CHECK(at({1, 2}, {.heads = 2, .dropout = 0.5F}) ==
        "attention_at: dropout is only possible with queries of all positions");
}

TEST_CASE("attention says what of packed sequences does not fit") {
  const Variable rows(Tensor::zeros({5, 24}));
  const auto with = [&](const Variable& x, std::vector<std::int32_t> first, const Tensor& mask) {
    const auto n = static_cast<std::int64_t>(first.size());
    return error_of(
        [&] { attention(x, {.heads = 2, .mask = mask, .first_rows = IntTensor::from({n}, first)}); });
  };
  const char* const ascend = "attention: first_rows must ascend from 0 to the number of rows of qkv [5,24]";
  for (const std::vector<std::int32_t>& wrong : {std::vector<std::int32_t>{0, 4}, {1, 5}, {0, 3, 2, 5}}) {
    CHECK(with(rows, wrong, {}) == ascend);
  }
  CHECK(with(rows, {0, 5}, Tensor::zeros({1, 5})) ==
        "attention: first_rows leaves no padding, so there is no mask with it");
  CHECK(with(Variable(Tensor::zeros({1, 5, 24})), {0, 5}, {}) ==
        "attention: qkv must have 2 axes, got [1,5,24]");
}

TEST_CASE("attention says what does not fit") {
  const Variable x(Tensor::zeros({2, 4, 24}));
  CHECK(error_of([&] {
          attention(Variable(Tensor::zeros({4, 24})), {});
        }) == "attention: qkv must have 3 axes, got [4,24]");
  CHECK(error_of([&] { attention(x, {.heads = 3}); }) ==
        "attention: the last axis of qkv [2,4,24] must be a positive multiple of 3 * 3 heads");
  CHECK(error_of([&] { attention(x, {.heads = 0}); }) == "attention: heads must be at least 1, got 0");
  CHECK(error_of([&] {
          attention(x, {.heads = 2, .mask = Tensor::zeros({2, 5})});
        }) == "attention: mask must be [2,4] (batch and length of qkv [2,4,24]), got [2,5]");
  CHECK(error_of([&] { attention(x, {.heads = 2, .dropout = 1.0F}); }) ==
        "attention: dropout must be at least 0 and below 1, got 1");
  const DropoutKey beyond{.site = std::uint64_t{1} << 18};
  CHECK(error_of([&] { attention(x, {.heads = 2, .dropout = 0.5F, .key = beyond}); }) ==
        "attention: key.site must be below 2^18, got 262144");
  const Variable huge(Tensor::empty({1, 65537, 3}));
  CHECK(error_of([&] { attention(huge, {.heads = 1, .dropout = 0.5F}); }) ==
        "attention: dropout has 2^32 numbers a site, but qkv [1,65537,3] (heads: 1) needs 4295098372");
  CHECK(error_of([&] { attention(x, {.heads = 2, .scale = -1.0F}); }) ==
        "attention: scale must be at least 0, got -1");
  CHECK(error_of([&] { attention(x, {.heads = 2, .rotary = make_rotary_table(4, 8)}); }) ==
        "attention: the rotary table is for heads of 8, but heads here are 4 wide");
  CHECK(error_of([&] { attention(x, {.heads = 2, .rotary = make_rotary_table(3, 4)}); }) ==
        "attention: the rotary table has 3 positions, too few for a sequence of 4");
}

}  // namespace espalier::ops
