#include "kernels/tree/straight_through_siblings.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "espalier/base/parallel.h"
#include "kernels/grouped.h"
#include "kernels/tree/gate.h"
#include "kernels/tree/hard_path_sums.h"
#include "kernels/tree/straight_through_walk.h"

namespace espalier::kernels {
namespace {

// Tokens of a batch whose own path a bucket holds, on average; so many times more flips come to it.
constexpr std::int64_t kBucket = 16;

constexpr std::int64_t kSlopeGrain = 512;  // tokens a task

// Flips of a batch by the node of the upper levels' end that they came to.
struct Buckets {
  Buckets(std::int64_t count, int level, const std::int32_t* arrival) : flips(count * level) {
    begin = group_by_key(
        std::int64_t{1} << level, count * level,
        [&](std::int64_t i) { return arrival[i]; },  // -1: nothing came
        [&](std::int64_t i, std::int64_t place) {
          flips[place] = {static_cast<std::int16_t>(i / level), static_cast<std::int16_t>(i % level)};
        });
  }

  Scratch<std::int64_t> begin;  // of bucket b; its end is that of bucket b + 1
  Scratch<Flip> flips;
};

// Whether the decisions of each token's path are flipped, [tokens of order, depth].
Scratch<bool> flips_of(const TreeGates& gates, int k, const TokenOrder& order, const float* logits,
                       const StraightThrough& options) {
  Scratch<bool> flips(order.count() * gates.depth);
  parallel_for(order.count(), kSlopeGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* own = logits + (std::int64_t{order.tokens()[i]} * gates.trees + k) * gates.levels();
      for (int level = 0; level < gates.depth; ++level) {
        flips[i * gates.depth + level] = gate_slope(own[level], options.temperature) >= options.epsilon;
      }
    }
  });
  return flips;
}

// Tokens of a walk. With AVX-512 longer lists gain nothing; with AVX2 rows then serve more tokens: 7 % faster
// than lists of 64, which are as fast as those of 48 and 32, though 512 kB hold no more vectors than those.
std::int64_t list_tokens() {
  return path_sums_fetch() ? SiblingWalk::kList : 64;
}

// Two passes, as forward: blocks of tokens send their flips down the upper levels, then each subtree below
// takes all the flips that came to it, so that lists stay long where nodes are many.
std::int64_t walk_batch(const SiblingWalk& walk, std::int64_t count) {
  const std::int64_t list = list_tokens();
  const int depth = walk.tree.gates.depth;
  const int level =
      std::clamp(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count / kBucket))) - 1, 0, depth);
  Scratch<std::int32_t> arrival(count * level);
  std::fill_n(arrival.data(), count * level, -1);
  std::atomic<std::int64_t> evaluated{0};
  if (level > 0) {
    parallel_for(count, list, [&](std::int64_t begin, std::int64_t end) {
      evaluated +=
          walk.run(0, 0, static_cast<int>(begin), static_cast<int>(end), nullptr, 0, level, arrival.data());
    });
  }
  const Buckets buckets(count, level, arrival.data());
  parallel_for(std::int64_t{1} << level, 1, [&](std::int64_t bucket, std::int64_t) {
    const auto place = [&](std::int32_t leaf) { return leaf >> (depth - level); };
    const std::int32_t* own = std::partition_point(walk.leaves, walk.leaves + count,
                                                   [&](std::int32_t leaf) { return place(leaf) < bucket; });
    const std::int32_t* own_end = std::partition_point(
        own, walk.leaves + count, [&](std::int32_t leaf) { return place(leaf) == bucket; });
    const auto node = static_cast<std::int32_t>((std::int64_t{1} << level) - 1 + bucket);
    std::int64_t nodes = 0;
    std::int64_t flip = buckets.begin[bucket];
    const std::int64_t flips_end = buckets.begin[bucket + 1];
    while (own < own_end || flip < flips_end) {
      const auto begin = static_cast<int>(own - walk.leaves);
      const auto size = static_cast<int>(std::min<std::int64_t>(list, own_end - own));
      const auto flipped = static_cast<int>(std::min(list, flips_end - flip));
      nodes += walk.run(node, level, begin, begin + size, buckets.flips.data() + flip, flipped, depth + 1,
                        nullptr);
      own += size;
      flip += flipped;
    }
    evaluated += nodes;
  });
  return evaluated;
}

}  // namespace

std::int64_t sibling_values(const NeuronTree& tree, int k, const TokenOrder& order, const float* x,
                            const float* dy, const float* logits, const StraightThrough& options,
                            double* sibling_value) {
  const TreeGates& gates = tree.gates;
  const int depth = gates.depth;
  const Scratch<bool> flips = flips_of(gates, k, order, logits, options);
  std::fill_n(sibling_value, order.count() * depth, 0.0);
  std::int64_t evaluated = 0;
  for (std::int64_t begin = 0; begin < order.count(); begin += SiblingWalk::kBatch) {
    const std::int64_t count = std::min(SiblingWalk::kBatch, order.count() - begin);
    const SiblingWalk walk{tree,
                           k,
                           x,
                           dy,
                           order.tokens() + begin,
                           order.leaves() + begin,
                           flips.data() + begin * depth,
                           sibling_value + begin * depth};
    evaluated += walk_batch(walk, count);
  }
  return evaluated;
}

void add_decision_gradients(int depth, const StraightThrough& options, const float* logits, std::int32_t leaf,
                            const double* value, const double* sibling_value, float* dlogit) {
  double below = 0;
  for (int level = depth - 1; level >= 0; --level) {
    below += value[level + 1];
    const float slope = gate_slope(logits[level], options.temperature);
    if (slope < options.epsilon) continue;
    const double rise =
        path_turns_right(level, leaf, depth) ? below - sibling_value[level] : sibling_value[level] - below;
    dlogit[level] += static_cast<float>(static_cast<double>(slope) * rise);
  }
}

}  // namespace espalier::kernels
