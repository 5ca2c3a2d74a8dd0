#include "espalier/nn/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/check.h"

namespace espalier::nn {

static constexpr const char* kTokens = "tokens";

static void check_first_rows(const IntTensor& first_rows, const Shape& ids) {
  ops::require_rank(kTokens, "first_rows", first_rows.shape(), 1);
  const auto first = first_rows.span();
  if (first.empty() || first.front() != 0 || first.back() != ids[0]) {
    ops::fail(kTokens,
              fmt::format("first_rows must go from 0 to the number of ids {}, got {}", ids.str(),
                          first.empty() ? "none" : fmt::format("{} to {}", first.front(), first.back())));
  }
  for (std::size_t b = 0; b + 1 < first.size(); ++b) {
    if (first[b] < first[b + 1]) continue;
    ops::fail(kTokens, fmt::format("first_rows must ascend, for each sequence has a token; that of number {} "
                                   "begins at {} and ends before {}",
                                   b, first[b], first[b + 1]));
  }
}

void validate(const Tokens& tokens) {
  const Shape& ids = tokens.ids.shape();
  ops::require_rank(kTokens, tokens.packed() ? "ids (packed)" : "ids", ids, tokens.packed() ? 1 : 2);
  if (tokens.packed()) check_first_rows(tokens.first_rows, ids);
  if (tokens.types.defined()) ops::require_shape(kTokens, "types", tokens.types.shape(), ids, "as ids");
  if (!tokens.mask.defined()) return;
  if (tokens.packed()) ops::fail(kTokens, "first_rows leaves no padding, so there is no mask with it");
  ops::require_shape(kTokens, "mask", tokens.mask.shape(), ids, "as ids");
}

std::int64_t longest_of(const Tokens& tokens) {
  if (!tokens.packed()) return tokens.ids.shape()[1];
  std::int64_t longest = 0;
  const auto first = tokens.first_rows.span();
  for (std::size_t b = 0; b + 1 < first.size(); ++b) {
    longest = std::max<std::int64_t>(longest, first[b + 1] - first[b]);
  }
  return longest;
}

IntTensor places_of(const Tokens& tokens) {
  IntTensor places = IntTensor::empty(tokens.ids.shape());
  const auto first = tokens.first_rows.span();
  for (std::size_t b = 0; b + 1 < first.size(); ++b) {
    for (std::int32_t row = first[b]; row < first[b + 1]; ++row) places.data()[row] = row - first[b];
  }
  return places;
}

IntTensor sequences_of(const Tokens& tokens) {
  IntTensor sequences = IntTensor::empty(tokens.ids.shape());
  const auto first = tokens.first_rows.span();
  for (std::size_t b = 0; b + 1 < first.size(); ++b) {
    std::fill(sequences.data() + first[b], sequences.data() + first[b + 1], static_cast<std::int32_t>(b));
  }
  return sequences;
}

}  // namespace espalier::nn
