#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/scratch.h"
#include "kernels/tree/hard_forest_sums.h"
#include "kernels/tree/hard_path_sums.h"
#include "kernels/tree/hard_route.h"
#include "kernels/tree/neuron_hard_walk.h"

namespace espalier::kernels {
namespace {

// Tokens a task of the upper levels takes: their rows and those of 127 nodes share the second-level cache.
constexpr std::int64_t kUpperBlock = 64;
// Tokens a subtree of the lower levels gets on average, and at most at a time: their rows stay in the
// second-level cache from the first look to the output.
constexpr std::int64_t kBucket = 128;
constexpr std::int64_t kPiece = 256;
// From here on the two passes win over whole walks of blocks.
constexpr std::int64_t kTwoPasses = 2048;
constexpr std::int64_t kBlock = 256;

// From here on a forest's outputs are summed by panels of columns, not tree by tree.
constexpr std::int64_t kForest = 1024;
// Tokens that walk all of a forest's trees one after the other: some four a leaf, so that rows serve several
// tokens while these stay in the caches, but enough blocks for the threads. 32 trees of depth 6, us a token
// forward and backward: 256 tokens 42.9, 512 49.1, 1024 56.6; 4 of depth 9: 512 9.7, 2048 8.5, 4096 8.8.
std::int64_t forest_block(const TreeGates& gates, std::int64_t tokens) {
  const std::int64_t most = std::clamp<std::int64_t>(tokens / 8, kBlock, 2048);
  return std::clamp<std::int64_t>(std::int64_t{4} * gates.leaves(), kBlock, most);
}

struct Forward {
  const NeuronTree& tree;
  const float* x;
  float* logits;
  std::int32_t* leaf;
  float* y;
  bool stream;

  HardRoute route_of(int k, int end) const { return {tree.gates, k, end, x, logits, leaf}; }
  RowSource output_rows(int k) const {
    return {tree.w_out + tree.gates.row(k, 0) * tree.output_width, tree.output_width};
  }

  // The output of tree k for tokens sorted by leaf; meanwhile fetches what is needed next.
  void output(int k, const std::int32_t* tokens, std::int64_t count, NextVectors next = {}) const {
    const int trees = tree.gates.trees;
    const int levels = tree.gates.levels();
    PathSums sums{tree.gates.depth, output_rows(k),           tree.output_width,
                  {y, k > 0},       stream && k == trees - 1, next};
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
      sums.fetched.skip(n);
    }
  }

  // All trees for the tokens [begin, end).
  void block(std::int64_t begin, std::int64_t end) const {
    const std::int64_t n = end - begin;
    Scratch<std::int32_t> tokens(n), spare(2 * n);
    for (int k = 0; k < tree.gates.trees; ++k) {
      std::iota(tokens.data(), tokens.data() + n, static_cast<std::int32_t>(begin));
      HardRoute route = route_of(k, tree.gates.depth + 1);
      if (n < prefetch_below()) route.prefetched = output_rows(k);
      route.run(0, 0, tokens.data(), n, spare.data());
      output(k, tokens.data(), n);
    }
    if (stream) path_sums_done();
  }

  // Below so many tokens a node's rows serve so few of them that it pays to fetch rows before their turn;
  // always where the walk need not fetch tokens.
  std::int64_t prefetch_below() const {
    return path_sums_fetch() ? std::numeric_limits<std::int64_t>::max()
                             : 4 * std::int64_t{tree.gates.leaves()};
  }
};

// Tokens by the subtree that they came to, stable.
struct Buckets {
  Buckets(std::int64_t tokens, std::int64_t count, const std::int32_t* bucket)
      : begin(count + 1), sorted(tokens) {
    Scratch<std::int32_t> next(count + 1);
    std::fill_n(next.data(), count + 1, 0);
    for (std::int64_t i = 0; i < tokens; ++i) ++next[bucket[i] + 1];
    for (std::int64_t b = 0; b < count; ++b) next[b + 1] += next[b];
    std::copy_n(next.data(), count + 1, begin.data());
    for (std::int64_t i = 0; i < tokens; ++i) sorted[next[bucket[i]]++] = static_cast<std::int32_t>(i);
  }

  Scratch<std::int32_t> begin;  // of bucket b; its end is that of bucket b + 1
  Scratch<std::int32_t> sorted;
};

// The piece of a bucket from `first` on: from `node` of `level` to the leaves, and the output.
void lower_levels(const Forward& forward, std::int32_t node, int level, const Buckets& buckets,
                  std::int32_t first, std::int32_t end) {
  std::int32_t list[kPiece], spare[2 * kPiece];
  const std::int64_t count = std::min<std::int64_t>(kPiece, end - first);
  std::copy_n(buckets.sorted.data() + first, count, list);
  HardRoute route = forward.route_of(0, forward.tree.gates.depth + 1);
  NextVectors next{forward.x, forward.tree.gates.width, buckets.sorted.data() + first + count,
                   std::min<std::int64_t>(kBucket, buckets.sorted.size() - first - count)};
  if (!path_sums_fetch()) {
    route.next_tokens = next.tokens;
    route.next_count = next.count;
    next = {};
  }
  if (buckets.sorted.size() < forward.prefetch_below()) route.prefetched = forward.output_rows(0);
  route.run(node, level, list, count, spare);
  forward.output(0, list, count, next);
}

// One tree: tokens walk the upper levels in blocks, are sorted by the subtree that they came to, and walk
// each subtree together.
void two_passes(const Forward& forward, std::int64_t tokens) {
  const TreeGates& gates = forward.tree.gates;
  const int level = std::clamp(
      static_cast<int>(std::bit_width(static_cast<std::uint64_t>(tokens / kBucket))) - 1, 0, gates.depth);
  parallel_for(tokens, kUpperBlock, [&](std::int64_t begin, std::int64_t end) {
    std::int32_t list[kUpperBlock], spare[2 * kUpperBlock], next[kUpperBlock];
    std::iota(list, list + (end - begin), static_cast<std::int32_t>(begin));
    HardRoute route = forward.route_of(0, level);
    route.next_tokens = next;
    route.next_count = std::min(kUpperBlock, tokens - end);
    std::iota(next, next + route.next_count, static_cast<std::int32_t>(end));
    route.run(0, 0, list, end - begin, spare);
  });
  const Buckets buckets(tokens, std::int64_t{1} << level, forward.leaf);
  parallel_for(std::int64_t{1} << level, 1, [&](std::int64_t b, std::int64_t) {
    const auto node = static_cast<std::int32_t>((std::int64_t{1} << level) - 1 + b);
    for (std::int32_t first = buckets.begin[b]; first < buckets.begin[b + 1]; first += kPiece) {
      lower_levels(forward, node, level, buckets, first, buckets.begin[b + 1]);
    }
    if (forward.stream) path_sums_done();
  });
}

// Several trees: tokens walk all of them first, then the outputs are summed by panels of columns.
void forest(const Forward& forward, std::int64_t tokens) {
  const NeuronTree& tree = forward.tree;
  const TreeGates& gates = tree.gates;
  parallel_for(tokens, forest_block(gates, tokens), [&](std::int64_t begin, std::int64_t end) {
    Scratch<std::int32_t> list(end - begin), spare(2 * (end - begin));
    for (int k = 0; k < gates.trees; ++k) {
      std::iota(list.data(), list.data() + list.size(), static_cast<std::int32_t>(begin));
      forward.route_of(k, gates.depth + 1).run(0, 0, list.data(), list.size(), spare.data());
    }
  });
  const ForestSums sums{gates.trees,  gates.depth, tree.output_source(), tree.output_width,
                        forward.leaf, forward.y,   forward.stream};
  sums.run(0, tokens, [&](int k, const TokenOrder& order, float* weights) {
    const int levels = gates.levels();
    for (std::int64_t i = 0; i < order.count(); ++i) {
      std::copy_n(forward.logits + (std::int64_t{order.tokens()[i]} * gates.trees + k) * levels, levels,
                  weights + i * levels);
    }
    gelu_serial(order.count() * levels, weights, weights);
  });
}

}  // namespace

void neuron_tree_hard_walk_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                                   std::int32_t* leaf, float* y) {
  const Forward forward{tree, x, logits, leaf, y, streaming_pays(y, tokens, tree.output_width)};
  if (tree.gates.trees == 1 && tokens >= kTwoPasses) return two_passes(forward, tokens);
  if (tree.gates.trees > 1 && tokens >= kForest) return forest(forward, tokens);
  parallel_for(tokens, kBlock, [&](std::int64_t begin, std::int64_t end) { forward.block(begin, end); });
}

}  // namespace espalier::kernels
