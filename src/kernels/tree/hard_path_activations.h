// Activations along tokens' hard paths in a tree of neurons, from what the walks left.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gelu.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

struct PathActivations {
  int trees;
  int levels;
  const float* logits;       // [tokens, trees, levels]
  const std::int32_t* leaf;  // [tokens, trees]

  // activation [count, levels]: those in tree k.
  void fill(int k, std::int64_t count, const std::int32_t* tokens, float* activation) const {
    for (std::int64_t i = 0; i < count; ++i) {
      std::copy_n(logits + (std::int64_t{tokens[i]} * trees + k) * levels, levels, activation + i * levels);
    }
    gelu_serial(count * levels, activation, activation);
  }

  // Calls sum(count, tokens, leaves, activation) for one part of the tokens after the other.
  template <class Sum>
  void for_each_part(int k, std::int64_t count, const std::int32_t* tokens, const Sum& sum) const {
    constexpr std::int64_t kPart = 64;
    float activation[kPart * kMaxLevels];
    std::int32_t leaves[kPart];
    for (std::int64_t first = 0; first < count; first += kPart) {
      const std::int64_t n = std::min(kPart, count - first);
      for (std::int64_t i = 0; i < n; ++i) leaves[i] = leaf[std::int64_t{tokens[first + i]} * trees + k];
      fill(k, n, tokens + first, activation);
      sum(n, tokens + first, leaves, activation);
    }
  }
};

}  // namespace espalier::kernels
