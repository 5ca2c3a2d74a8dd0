#include "kernels/tree/quantized_route.h"

#include <algorithm>

namespace espalier::kernels {

static void prefetch_row(const QuantizedRows& rows, std::int64_t row) {
  for (std::int64_t at = 0; at < rows.stride; at += 64) __builtin_prefetch(rows.row(row) + at, 0, 2);
}

static void fetch(const QuantizedRoute& route, std::int32_t node, int level) {
  const QuantizedNeuronTree& tree = route.tree;
  const std::int64_t first = std::int64_t{route.k} * tree.nodes();
  if (level < tree.depth) {
    prefetch_row(tree.in, first + 2 * node + 1);
    prefetch_row(tree.in, first + 2 * node + 2);
  }
  prefetch_row(tree.out, first + node);
}

// Logits of the node for all tokens; those that go left come first in `tokens`. Returns their number.
static std::int64_t one_level(const QuantizedRoute& route, std::int32_t node, int level, std::int32_t* tokens,
                              std::int64_t count, std::int32_t* spare) {
  const QuantizedNeuronTree& tree = route.tree;
  const std::int64_t row = std::int64_t{route.k} * tree.nodes() + node;
  const std::int8_t* const weight = tree.in.row(row);
  const float scale = tree.in.scales[row].scale, bias = tree.bias[row];
  if (route.prefetch) fetch(route, node, level);
  std::int64_t left = 0, right = 0;
  for (std::int64_t i = 0; i < count; i += 4) {
    const int group = static_cast<int>(std::min<std::int64_t>(4, count - i));
    const std::int8_t* own[4] = {};
    std::int32_t token[4], sums[4] = {}, products[4];
    float scales[4];
    for (int j = 0; j < group; ++j) {
      token[j] = tokens[i + j];
      own[j] = route.x.row(token[j]);
      sums[j] = route.x.scales[token[j]].sum;
      scales[j] = route.x.scales[token[j]].scale;
    }
    route.dots(route.x.stride, weight, group, own, sums, products);
    for (int j = 0; j < group; ++j) {
      const float logit = static_cast<float>(products[j]) * (scales[j] * scale) + bias;
      route.logits[(std::int64_t{token[j]} * tree.trees + route.k) * tree.levels() + level] = logit;
      const bool turns = logit > 0;
      tokens[left] = token[j];
      spare[right] = token[j];
      left += turns ? 0 : 1;
      right += turns ? 1 : 0;
    }
  }
  std::copy_n(spare, right, tokens + left);
  return left;
}

void QuantizedRoute::run(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count,
                         std::int32_t* spare) const {
  if (count == 0) return;
  if (level == end) {
    const std::int32_t place = node - ((std::int32_t{1} << level) - 1);
    // Past the last level the node is a leaf's child.
    const std::int32_t at = level > tree.depth ? place / 2 : place;
    for (std::int64_t i = 0; i < count; ++i) arrival[std::int64_t{tokens[i]} * tree.trees + k] = at;
    return;
  }
  const std::int64_t left = one_level(*this, node, level, tokens, count, spare);
  run(2 * node + 1, level + 1, tokens, left, spare);
  run(2 * node + 2, level + 1, tokens + left, count - left, spare);
}

}  // namespace espalier::kernels
