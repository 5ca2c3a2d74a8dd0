#include <algorithm>
#include <atomic>

#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "kernels/elementwise.h"
#include "kernels/gelu.h"
#include "kernels/scratch.h"
#include "kernels/tree/hard_forest_sums.h"
#include "kernels/tree/hard_path_dots.h"
#include "kernels/tree/hard_path_gradients.h"
#include "kernels/tree/hard_path_sums.h"
#include "kernels/tree/hard_token_order.h"
#include "kernels/tree/neuron_hard.h"
#include "kernels/tree/neuron_hard_walk.h"
#include "kernels/tree/straight_through_siblings.h"

namespace espalier::kernels {
namespace {

// A part of a node's sum.
struct Part {
  std::int32_t node;
  std::int32_t part;
};

// The parts of all chunks, by node and within a node in the order of chunks.
PoolVector<Part> sorted_parts(int depth, const TokenOrder& order, const PoolVector<TokenChunk>& chunks) {
  PoolVector<Part> parts;
  for (const TokenChunk& chunk : chunks) {
    const auto add = [&](int level, std::int64_t token) {
      parts.push_back(
          {path_node(level, order.leaves()[token], depth), static_cast<std::int32_t>(parts.size())});
    };
    for (int level = 0; level < chunk.before; ++level) add(level, chunk.begin);
    for (int level = chunk.both; level < chunk.after; ++level) add(level, chunk.end - 1);
  }
  std::stable_sort(parts.begin(), parts.end(), [](Part a, Part b) { return a.node < b.node; });
  return parts;
}

void put_row(std::int64_t width, const float* from, bool accumulate, float* to) {
  if (!accumulate) {
    std::copy_n(from, width, to);
    return;
  }
  for (std::int64_t i = 0; i < width; ++i) to[i] += from[i];
}

struct TreeBackward {
  const NeuronTree& tree;
  int k;
  const float* x;
  const float* dy;
  const float* logits;
  const StraightThrough* straight_through;
  const double* sibling_value;    // values of siblings, in leaf order
  NeuronTreeGradients gradients;  // of this tree
  bool stream;                    // the gradient of the input: past the caches
  float* dlogits;                 // [tokens, trees, levels]: gets those of this tree; or null

  void run(const TokenOrder& order) const;

  void chunk_of(const TokenOrder& order, const TokenChunk& chunk, float* in_parts, float* bias_parts,
                float* out_parts) const {
    const TreeGates& gates = tree.gates;
    const int levels = gates.levels();
    const std::int64_t n = chunk.end - chunk.begin;
    const std::int32_t* tokens = order.tokens() + chunk.begin;
    const std::int32_t* leaves = order.leaves() + chunk.begin;
    float activation[TokenOrder::kMaxChunk * kMaxLevels];
    float dlogit[TokenOrder::kMaxChunk * kMaxLevels];
    float projection[TokenOrder::kMaxChunk * kMaxLevels];
    const RowSource w_in{gates.weight + gates.row(k, 0) * gates.width, gates.width};
    // Where sums fetch x, everything that reads dy comes first: a small second-level cache holds only one of
    // them.
    const bool dy_first = path_sums_fetch() && gradients.x.wanted();
    path_dots(gates.depth, {tree.w_out + gates.row(k, 0) * tree.output_width, tree.output_width},
              tree.output_width, dy, n, tokens, leaves,
              dy_first ? PathFetch{.rows = w_in} : PathFetch{.vectors = {x, gates.width}}, projection);
    for (std::int64_t i = 0; i < n; ++i) {
      std::copy_n(logits + (std::int64_t{tokens[i]} * gates.trees + k) * levels, levels,
                  activation + i * levels);
    }
    gelu_and_slope_serial(n * levels, activation, activation, dlogit);
    for (std::int64_t i = 0; i < n * levels; ++i) dlogit[i] *= projection[i];
    if (straight_through != nullptr) decide(order, chunk, activation, projection, dlogit);
    const ChunkPlan plan(gates.depth, order, chunk);
    const auto w_out_gradients = [&] {
      if (!gradients.w_out.wanted()) return;
      weight_gradients(tree.output_width, dy, gradients.w_out, out_parts).run(plan, activation);
    };
    if (dy_first) w_out_gradients();
    if (gradients.x.wanted()) {
      PathSums{gates.depth, w_in, gates.width, gradients.x, stream, {x, gates.width, tokens, n}}.run(
          n, tokens, leaves, dlogit);
      if (stream) path_sums_done();
    }
    if (dlogits != nullptr) {
      for (std::int64_t i = 0; i < n; ++i) {
        std::copy_n(dlogit + i * levels, levels,
                    dlogits + (std::int64_t{tokens[i]} * gates.trees + k) * levels);
      }
    }
    if (!dy_first) w_out_gradients();
    if (gradients.w_in.wanted()) {
      weight_gradients(gates.width, x, gradients.w_in, in_parts).run(plan, dlogit);
    }
    if (gradients.bias.wanted()) bias(plan, dlogit, bias_parts);
  }

  PathGradients weight_gradients(std::int64_t width, const float* source, Destination out,
                                 float* parts) const {
    const bool past = !out.accumulate && streaming_pays(out.data, tree.gates.nodes(), width);
    return {width, source, out, parts, past};
  }

  void decide(const TokenOrder& order, const TokenChunk& chunk, const float* activation,
              const float* projection, float* dlogit) const {
    const TreeGates& gates = tree.gates;
    const int levels = gates.levels();
    for (std::int64_t i = chunk.begin; i < chunk.end; ++i) {
      const std::int64_t at = (i - chunk.begin) * levels;
      double value[kMaxLevels];
      for (int l = 0; l < levels; ++l) {
        value[l] = static_cast<double>(activation[at + l]) * static_cast<double>(projection[at + l]);
      }
      add_decision_gradients(gates.depth, *straight_through,
                             logits + (std::int64_t{order.tokens()[i]} * gates.trees + k) * levels,
                             order.leaves()[i], value, sibling_value + i * gates.depth, dlogit + at);
    }
  }

  void bias(const ChunkPlan& plan, const float* dlogit, float* parts) const {
    float sums[kMaxLevels] = {};
    const int levels = plan.levels();
    for (int r = 0; r < plan.runs(); ++r) {
      const ChunkPlan::Run& run = plan.run(r);
      for (std::int32_t i = run.begin; i < run.end; ++i) {
        for (int l = 0; l < levels; ++l) sums[l] += dlogit[i * levels + l];
      }
      for (int l = run.complete; l < levels; ++l) {
        const std::int32_t target = plan.targets()[run.target - run.complete + l];
        if (target < 0) {
          parts[~target] = sums[l];
        } else {
          gradients.bias.data[target] =
              gradients.bias.accumulate ? gradients.bias.data[target] + sums[l] : sums[l];
        }
        sums[l] = 0;
      }
    }
  }
};

void sum_parts(const PoolVector<Part>& sorted, std::int64_t width, float* parts, Destination out) {
  if (!out.wanted()) return;
  PoolVector<std::size_t> first;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i].node != sorted[i - 1].node) first.push_back(i);
  }
  first.push_back(sorted.size());
  parallel_for(static_cast<std::int64_t>(first.size()) - 1, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const auto n = static_cast<std::size_t>(at);
      float* sum = parts + sorted[first[n]].part * width;
      for (std::size_t i = first[n] + 1; i < first[n + 1]; ++i) {
        put_row(width, parts + sorted[i].part * width, true, sum);
      }
      put_row(width, sum, out.accumulate, out.data + sorted[first[n]].node * width);
    }
  });
}

// 1 for each node that no token touches.
Scratch<char> untouched_nodes(const TokenOrder& order, int depth) {
  const std::int64_t nodes = (std::int64_t{2} << depth) - 1;
  Scratch<char> untouched(nodes);
  std::fill_n(untouched.data(), nodes, char{1});
  for (std::int64_t i = 0; i < order.count(); ++i) {
    for (int level = depth; level >= 0; --level) {
      char& mark = untouched[path_node(level, order.leaves()[i], depth)];
      if (mark == 0) break;
      mark = 0;
    }
  }
  return untouched;
}

void zero_untouched(const Scratch<char>& untouched, std::int64_t width, Destination out) {
  if (out.wanted() && !out.accumulate) zero_rows(untouched.size(), width, untouched.data(), out.data);
}

void TreeBackward::run(const TokenOrder& order) const {
  const std::int64_t width = tree.gates.width;
  const PoolVector<TokenChunk> chunks = order.chunks();
  const PoolVector<Part> parts = sorted_parts(tree.gates.depth, order, chunks);
  const auto count = static_cast<std::int64_t>(parts.size());
  Scratch<float> in_parts(count * width), bias_parts(count), out_parts(count * tree.output_width);
  const Scratch<char> untouched = untouched_nodes(order, tree.gates.depth);
  zero_untouched(untouched, 1, gradients.bias);
  if (gradients.unwritten != nullptr) {
    std::copy_n(untouched.data(), untouched.size(), gradients.unwritten);
  } else {
    zero_untouched(untouched, width, gradients.w_in);
    zero_untouched(untouched, tree.output_width, gradients.w_out);
  }
  parallel_for(static_cast<std::int64_t>(chunks.size()), 1, [&](std::int64_t i, std::int64_t) {
    chunk_of(order, chunks[static_cast<std::size_t>(i)], in_parts.data(), bias_parts.data(),
             out_parts.data());
  });
  sum_parts(parts, width, in_parts.data(), gradients.w_in);
  sum_parts(parts, 1, bias_parts.data(), gradients.bias);
  sum_parts(parts, tree.output_width, out_parts.data(), gradients.w_out);
}

}  // namespace

std::int64_t neuron_tree_hard_walk_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                            const float* dy, const float* logits, const std::int32_t* leaf,
                                            const StraightThrough* straight_through,
                                            const NeuronTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const bool stream = streaming_pays(gradients.x.data, tokens, gates.width);
  // One tree's gradient of the input is summed while its tokens' rows are at hand, that of a forest at the
  // end, by columns.
  const bool forest = gates.trees > 1;
  const std::int64_t path = std::int64_t{gates.trees} * gates.levels();
  Scratch<float> dlogits(forest && gradients.x.wanted() ? tokens * path : 0);
  const std::int64_t group = neuron_tree_group_tokens(gates.trees, gates.depth);
  // The second group is added to what the first one left.
  char* const unwritten = tokens <= group ? gradients.unwritten : nullptr;
  std::atomic<std::int64_t> evaluated = 0;
  for (std::int64_t begin = 0; begin < tokens || begin == 0; begin += group) {
    parallel_for(gates.trees, 1, [&](std::int64_t tree_number, std::int64_t) {
      const auto k = static_cast<int>(tree_number);
      const std::int64_t first = gates.row(k, 0);
      const TokenOrder order(gates.depth, begin, std::min(tokens, begin + group), leaf + k, gates.trees);
      Scratch<double> sibling_value(straight_through == nullptr ? 0 : order.count() * gates.depth);
      if (straight_through != nullptr) {
        evaluated += sibling_values(tree, k, order, x, dy, logits, *straight_through, sibling_value.data());
      }
      const TreeBackward backward{
          tree,
          k,
          x,
          dy,
          logits,
          straight_through,
          sibling_value.data(),
          {forest ? Destination{} : gradients.x, (gradients.w_in + first * gates.width).after(begin > 0),
           (gradients.bias + first).after(begin > 0),
           (gradients.w_out + first * tree.output_width).after(begin > 0),
           unwritten == nullptr ? nullptr : unwritten + first},
          stream,
          dlogits.size() == 0 ? nullptr : dlogits.data()};
      backward.run(order);
    });
  }
  if (dlogits.size() > 0) {
    const ForestSums sums{gates.trees, gates.depth, gates.source(), gates.width, leaf, gradients.x, stream};
    sums.run(0, tokens, [&](int k, const TokenOrder& order, float* weights) {
      const int levels = gates.levels();
      for (std::int64_t i = 0; i < order.count(); ++i) {
        std::copy_n(dlogits.data() + order.tokens()[i] * path + k * levels, levels, weights + i * levels);
      }
    });
  }
  return evaluated;
}

}  // namespace espalier::kernels
