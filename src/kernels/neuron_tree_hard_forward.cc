#include <algorithm>
#include <bit>
#include <numeric>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/neuron_tree_hard.h"
#include "kernels/path_sums.h"
#include "kernels/scratch.h"
#include "kernels/tree_route.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kBlock = 256;
constexpr std::int64_t kUpperBlock = 64;
constexpr std::int64_t kBucket = 128;
constexpr std::int64_t kPiece = 256;

struct Forward {
  const NeuronTree& tree;
  const float* x;
  float* logits;
  std::int32_t* leaf;
  float* y;
  bool stream;

  TreeRoute route(int k, int end) const { return {tree.gates, k, end, x, logits, leaf}; }

  // The output of tree k for tokens sorted by leaf.
  void output(int k, const std::int32_t* tokens, std::int64_t count) const {
    const int trees = tree.gates.trees;
    const int levels = tree.gates.levels();
    const PathSums sums{
        tree.gates.depth,
        {tree.w_out + std::int64_t{k} * tree.gates.nodes() * tree.output_width, tree.output_width},
        tree.output_width,
        y,
        k > 0,
        stream && k == trees - 1};
    constexpr std::int64_t kPart = 64;
    float activation[kPart * kMaxLevels];
    std::int32_t leaves[kPart];
    for (std::int64_t first = 0; first < count; first += kPart) {
      const std::int64_t n = std::min(kPart, count - first);
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t path = std::int64_t{tokens[first + i]} * trees + k;
        leaves[i] = leaf[path];
        std::copy_n(logits + path * levels, levels, activation + i * levels);
      }
      gelu_serial(n * levels, activation, activation);
      sums.run(n, tokens + first, leaves, activation);
    }
  }

  // All trees for the tokens [begin, end).
  void block(std::int64_t begin, std::int64_t end) const {
    std::int32_t tokens[kBlock];
    std::int32_t spare[2 * kBlock];
    for (int k = 0; k < tree.gates.trees; ++k) {
      std::iota(tokens, tokens + (end - begin), static_cast<std::int32_t>(begin));
      route(k, tree.gates.depth + 1).run(0, 0, tokens, end - begin, spare);
      output(k, tokens, end - begin);
    }
    if (stream) path_sums_done();
  }
};

void two_passes(const Forward& forward, int k, std::int64_t tokens) {
  const TreeGates& gates = forward.tree.gates;
  const int level = std::clamp(
      static_cast<int>(std::bit_width(static_cast<std::uint64_t>(tokens / kBucket))) - 1, 0, gates.depth);
  parallel_for(tokens, kUpperBlock, [&](std::int64_t begin, std::int64_t end) {
    std::int32_t list[kUpperBlock];
    std::int32_t spare[2 * kUpperBlock];
    std::int32_t ahead[kUpperBlock];
    std::iota(list, list + (end - begin), static_cast<std::int32_t>(begin));
    const std::int64_t following = std::min(kUpperBlock, tokens - end);
    std::iota(ahead, ahead + following, static_cast<std::int32_t>(end));
    TreeRoute route = forward.route(k, level);
    route.ahead = ahead;
    route.ahead_count = following;
    route.run(0, 0, list, end - begin, spare);
  });
  const std::int64_t buckets = std::int64_t{1} << level;
  Scratch<std::int32_t> start(buckets + 1);
  Scratch<std::int32_t> sorted(tokens);
  std::fill_n(start.data(), buckets + 1, 0);
  for (std::int64_t i = 0; i < tokens; ++i) ++start[forward.leaf[i * gates.trees + k] + 1];
  for (std::int64_t b = 0; b < buckets; ++b) start[b + 1] += start[b];
  Scratch<std::int32_t> next(buckets);
  std::copy_n(start.data(), buckets, next.data());
  for (std::int64_t i = 0; i < tokens; ++i) {
    sorted[next[forward.leaf[i * gates.trees + k]]++] = static_cast<std::int32_t>(i);
  }
  parallel_for(buckets, 1, [&](std::int64_t b, std::int64_t) {
    std::int32_t spare[2 * kPiece];
    for (std::int64_t first = start[b]; first < start[b + 1]; first += kPiece) {
      const std::int64_t count = std::min<std::int64_t>(kPiece, start[b + 1] - first);
      std::int32_t* list = sorted.data() + first;
      TreeRoute route = forward.route(k, gates.depth + 1);
      route.ahead = list + count;
      route.ahead_count = std::min<std::int64_t>(kPiece, tokens - first - count);
      if (first + count < start[b + 1]) {
        route.ahead_count = std::min(route.ahead_count, start[b + 1] - first - count);
      } else if (b + 1 < buckets) {
        route.ahead_count = std::min<std::int64_t>(kPiece, start[b + 2] - start[b + 1]);
      }
      route.run(static_cast<std::int32_t>(buckets - 1 + b), level, list, count, spare);
      forward.output(k, list, count);
    }
    if (forward.stream) path_sums_done();
  });
}

}  // namespace

void neuron_tree_hard_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                              std::int32_t* leaf, float* y) {
  const Forward forward{tree, x, logits, leaf, y, streaming_pays(y, tokens, tree.output_width)};
  if (tokens >= 2048 && tree.gates.trees <= 4) {
    for (int k = 0; k < tree.gates.trees; ++k) two_passes(forward, k, tokens);
    return;
  }
  parallel_for(tokens, kBlock, [&](std::int64_t begin, std::int64_t end) { forward.block(begin, end); });
}

}  // namespace espalier::kernels
