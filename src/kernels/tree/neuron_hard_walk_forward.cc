#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "espalier/base/parallel.h"
#include "kernels/scratch.h"
#include "kernels/tree/hard_path_activations.h"
#include "kernels/tree/hard_path_sums.h"
#include "kernels/tree/hard_route.h"
#include "kernels/tree/hard_token_order.h"
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
    PathSums sums{tree.gates.depth, output_rows(k),           tree.output_width,
                  {y, k > 0},       stream && k == trees - 1, next};
    const PathActivations paths{trees, tree.gates.levels(), logits, leaf};
    paths.for_each_part(
        k, count, tokens,
        [&](std::int64_t n, const std::int32_t* part, const std::int32_t* leaves, const float* activation) {
          sums.run(n, part, leaves, activation);
          sums.fetched.skip(n);
        });
  }

  // All trees for the tokens [begin, end).
  void block(std::int64_t begin, std::int64_t end) const {
    const std::int64_t n = end - begin;
    Scratch<std::int32_t> tokens(n), spare(2 * n);
    for (int k = 0; k < tree.gates.trees; ++k) {
      std::iota(tokens.data(), tokens.data() + n, static_cast<std::int32_t>(begin));
      HardRoute route = route_of(k, tree.gates.levels());
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

// Tokens [first, end) of `order`, at most kPiece of them, which came to one subtree: from `node` of `level`
// to the leaves, and the output.
void lower_levels(const Forward& forward, std::int32_t node, int level, const TokenOrder& order,
                  std::int64_t first, std::int64_t end) {
  std::int32_t list[kPiece], spare[2 * kPiece];
  const std::int64_t count = std::min(kPiece, end - first);
  std::copy_n(order.tokens() + first, count, list);
  HardRoute route = forward.route_of(0, forward.tree.gates.levels());
  NextVectors next{forward.x, forward.tree.gates.width, order.tokens() + first + count,
                   std::min(kBucket, order.count() - first - count)};
  if (!path_sums_fetch()) {
    route.next_tokens = next.tokens;
    route.next_count = next.count;
    next = {};
  }
  if (order.count() < forward.prefetch_below()) route.prefetched = forward.output_rows(0);
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
  const TokenOrder order(level, 0, tokens, forward.leaf, 1);
  parallel_for(std::int64_t{1} << level, 1, [&](std::int64_t b, std::int64_t) {
    const auto node = static_cast<std::int32_t>((std::int64_t{1} << level) - 1 + b);
    const auto range =
        std::equal_range(order.leaves(), order.leaves() + tokens, static_cast<std::int32_t>(b));
    const std::int64_t end = range.second - order.leaves();
    for (std::int64_t first = range.first - order.leaves(); first < end; first += kPiece) {
      lower_levels(forward, node, level, order, first, end);
    }
    if (forward.stream) path_sums_done();
  });
}

}  // namespace

void neuron_tree_hard_walk_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                                   std::int32_t* leaf, float* y) {
  if (tree.gates.trees > 1 && tokens >= kForest) {
    return neuron_tree_hard_forest_forward(tree, tokens, x, logits, leaf, y);
  }
  const Forward forward{tree, x, logits, leaf, y, streaming_pays(y, tokens, tree.output_width)};
  if (tree.gates.trees == 1 && tokens >= kTwoPasses) return two_passes(forward, tokens);
  parallel_for(tokens, kBlock, [&](std::int64_t begin, std::int64_t end) { forward.block(begin, end); });
}

}  // namespace espalier::kernels
