#include "espalier/nn/tokens.h"

#include <algorithm>

namespace espalier::nn {

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
