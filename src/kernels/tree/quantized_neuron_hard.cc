#include "kernels/tree/quantized_neuron_hard.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/tree/hard_path_activations.h"
#include "kernels/tree/hard_path_sums.h"
#include "kernels/tree/hard_token_order.h"
#include "kernels/tree/quantized_path_sums.h"
#include "kernels/tree/quantized_route.h"

namespace espalier::kernels {
namespace {

// Tokens that walk together: their bytes stay in the second-level cache.
constexpr std::int64_t kBlock = 256;
// From here on one tree is walked in two passes, so that the rows of the lower levels serve several tokens.
constexpr std::int64_t kTwoPasses = 2048;
constexpr std::int64_t kBucket = 128;

struct Forward {
  const QuantizedNeuronTree& tree;
  const float* x;
  QuantizedRows& bytes;
  float* logits;
  std::int32_t* leaf;
  float* y;
  bool prefetch;
  bool stream;

  QuantizedRoute route_of(int k, int end) const {
    QuantizedRoute route{tree, k, end, bytes, logits, leaf};
    route.prefetch = prefetch;
    return route;
  }

  // The output of tree k for tokens sorted by leaf.
  void output(int k, const std::int32_t* tokens, std::int64_t count) const {
    const QuantizedPathSums sums{
        tree.depth, tree.out, std::int64_t{k} * tree.nodes(), {y, k > 0}, stream && k == tree.trees - 1};
    const PathActivations paths{tree.trees, tree.levels(), logits, leaf};
    paths.for_each_part(k, count, tokens,
                        [&](std::int64_t n, const std::int32_t* part, const std::int32_t* leaves,
                            const float* activation) { sums.run(n, part, leaves, activation); });
    if (sums.stream) path_sums_done();
  }

  // All trees for the tokens [begin, end).
  void block(std::int64_t begin, std::int64_t end) const {
    quantize_rows_serial(begin, end, x, tree.in.width, bytes);
    Scratch<std::int32_t> tokens(end - begin), spare(end - begin);
    for (int k = 0; k < tree.trees; ++k) {
      std::iota(tokens.data(), tokens.data() + tokens.size(), static_cast<std::int32_t>(begin));
      route_of(k, tree.levels()).run(0, 0, tokens.data(), tokens.size(), spare.data());
      output(k, tokens.data(), tokens.size());
    }
  }

  // One tree: blocks of tokens walk the upper levels, then those of each subtree go on together.
  void two_passes(std::int64_t tokens) const {
    const int level = std::clamp(
        static_cast<int>(std::bit_width(static_cast<std::uint64_t>(tokens / kBucket))) - 1, 0, tree.depth);
    parallel_for(tokens, kBlock, [&](std::int64_t begin, std::int64_t end) {
      quantize_rows_serial(begin, end, x, tree.in.width, bytes);
      std::int32_t list[kBlock], spare[kBlock];
      std::iota(list, list + (end - begin), static_cast<std::int32_t>(begin));
      route_of(0, level).run(0, 0, list, end - begin, spare);
    });
    const TokenOrder order(level, 0, tokens, leaf, 1);
    parallel_for(std::int64_t{1} << level, 1, [&](std::int64_t b, std::int64_t) {
      const auto range =
          std::equal_range(order.leaves(), order.leaves() + tokens, static_cast<std::int32_t>(b));
      const std::int64_t begin = range.first - order.leaves(), end = range.second - order.leaves();
      Scratch<std::int32_t> list(end - begin), spare(end - begin);
      std::copy(order.tokens() + begin, order.tokens() + end, list.data());
      const auto node = static_cast<std::int32_t>((std::int64_t{1} << level) - 1 + b);
      route_of(0, tree.levels()).run(node, level, list.data(), list.size(), spare.data());
      output(0, list.data(), list.size());
    });
  }
};

}  // namespace

QuantizedNeuronTree::QuantizedNeuronTree(int trees_in, int depth_in, QuantizedRows in_rows,
                                         const float* bias_in, QuantizedRows out_rows)
    : trees(trees_in),
      depth(depth_in),
      in(std::move(in_rows)),
      out(std::move(out_rows)),
      bias(std::int64_t{trees} * nodes()) {
  ESPALIER_CHECK(in.rows == bias.size() && out.rows == bias.size());
  std::copy_n(bias_in, bias.size(), bias.data());
}

static QuantizedRows rows_of(const NeuronTree& tree, std::int64_t width, const float* weight) {
  const std::int64_t nodes = tree.gates.trees * ((std::int64_t{2} << tree.gates.depth) - 1);
  return quantize_rows(nodes, width, weight, width);
}

QuantizedNeuronTree::QuantizedNeuronTree(const NeuronTree& tree)
    : QuantizedNeuronTree(tree.gates.trees, tree.gates.depth,
                          rows_of(tree, tree.gates.width, tree.gates.weight), tree.gates.bias,
                          rows_of(tree, tree.output_width, tree.w_out)) {}

void quantized_neuron_tree_forward(const QuantizedNeuronTree& tree, std::int64_t tokens, const float* x,
                                   float* logits, std::int32_t* leaf, float* y) {
  ESPALIER_CHECK(leaf != nullptr);
  QuantizedRows bytes(tokens, tree.in.width);
  const bool prefetch = tokens < 4 * (std::int64_t{1} << tree.depth);
  const Forward forward{tree, x, bytes, logits, leaf, y, prefetch, streaming_pays(y, tokens, tree.out.width)};
  if (tree.trees == 1 && tokens >= kTwoPasses) return forward.two_passes(tokens);
  parallel_for(tokens, kBlock, [&](std::int64_t begin, std::int64_t end) { forward.block(begin, end); });
}

}  // namespace espalier::kernels
