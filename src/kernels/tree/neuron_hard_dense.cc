#include "kernels/tree/neuron_hard_dense.h"

#include <algorithm>
#include <atomic>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/scratch.h"
#include "kernels/tree/dense_products.h"
#include "kernels/tree/hard_dense_rows.h"

namespace espalier::kernels {
namespace {

static_assert(kDensePanel % kGradientRows == 0);  // else batches of whole panels would not add up

// Values of nodes held at a time, as far as a panel allows: 32 MB. With 1536 trees of depth 1 that is three
// panels; backward holds twice as much, what the walks' logits of 4096 tokens take.
constexpr std::int64_t kSpanValues = std::int64_t{1} << 23;

// The forest, and where its rows are.
struct Dense {
  const NeuronTree& tree;
  const TreeGates& gates = tree.gates;
  std::int64_t nodes = std::int64_t{gates.trees} * gates.nodes();
  std::int64_t path = std::int64_t{gates.trees} * gates.levels();  // logits of a token
  std::int64_t leaves = gates.depth == 0 ? 0 : gates.trees;        // numbers of leaves of a token

  // Tokens computed at a time, in whole panels.
  std::int64_t span() const {
    return std::max<std::int64_t>(kSpanValues / (kDensePanel * nodes), 1) * kDensePanel;
  }
  std::int64_t values(std::int64_t tokens) const { return std::min(span(), tokens) * nodes; }
};

struct Forward : Dense {
  const float* x;
  float* logits;
  std::int32_t* leaf;
  float* y;

  // The tokens [begin, end); values: room for [end - begin, nodes].
  void panel(std::int64_t begin, std::int64_t end, float* values) const {
    dense_logits(end - begin, nodes, x + begin * gates.width, gates.weight, gates.width, values);
    parallel_for(end - begin, row_grain(nodes), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        activate_shallow_row(gates, values + i * nodes, logits + (begin + i) * path,
                             leaf + (begin + i) * leaves);
      }
    });
    matmul(end - begin, tree.output_width, nodes, {values, nodes}, {tree.w_out, tree.output_width},
           y + begin * tree.output_width, tree.output_width);
  }
};

struct Backward : Dense {
  const float* x;
  const float* dy;
  const float* logits;
  const std::int32_t* leaf;
  const StraightThrough* straight_through;
  const NeuronTreeGradients& gradients;

  // Fills activation and dlogit [end - begin, nodes] and the input's gradient of the tokens [begin, end).
  std::int64_t panel(std::int64_t begin, std::int64_t end, float* activation, float* dlogit) const {
    const std::int64_t n = end - begin;
    matmul(n, nodes, tree.output_width, {dy + begin * tree.output_width, tree.output_width},
           {tree.w_out, tree.output_width, true}, dlogit, nodes);
    if (straight_through != nullptr && gates.depth > 0) {  // forward's product again, for the siblings
      dense_logits(n, nodes, x + begin * gates.width, gates.weight, gates.width, activation);
    }
    std::atomic<std::int64_t> evaluated = 0;
    parallel_for(n, row_grain(nodes), [&](std::int64_t first, std::int64_t last) {
      std::int64_t siblings = 0;
      for (std::int64_t i = first; i < last; ++i) {
        const ShallowRow row{logits + (begin + i) * path, leaf + (begin + i) * leaves, activation + i * nodes,
                             dlogit + i * nodes};
        siblings += differentiate_shallow_row(gates, row, straight_through);
      }
      evaluated += siblings;
    });
    dense_input_gradient(n, nodes, dlogit, gates.weight, gates.width, gradients.x + begin * gates.width);
    return evaluated;
  }

  // The weights' gradients from a span of tokens.
  void weights(std::int64_t begin, std::int64_t count, const float* activation, const float* dlogit) const {
    const bool later = begin > 0;
    const std::int64_t width = gates.width, output_width = tree.output_width;
    dense_weight_gradient(count, nodes, dlogit, x + begin * width, width, gradients.w_in.after(later));
    dense_bias_gradient(count, nodes, dlogit, gradients.bias.after(later));
    dense_weight_gradient(count, nodes, activation, dy + begin * output_width, output_width,
                          gradients.w_out.after(later));
  }
};

}  // namespace

void neuron_tree_hard_dense_forward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                    float* logits, std::int32_t* leaf, float* y) {
  const Forward forward{{tree}, x, logits, leaf, y};
  if (tree.gates.depth == 0 && leaf != nullptr) std::fill_n(leaf, tokens * tree.gates.trees, 0);
  Scratch<float> values(forward.values(tokens));
  const std::int64_t span = forward.span();
  for (std::int64_t from = 0; from < tokens; from += span) {
    parallel_for(std::min(span, tokens - from), kDensePanel, [&](std::int64_t begin, std::int64_t end) {
      forward.panel(from + begin, from + end, values.data() + begin * forward.nodes);
    });
  }
}

std::int64_t neuron_tree_hard_dense_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                             const float* dy, const float* logits, const std::int32_t* leaf,
                                             const StraightThrough* straight_through,
                                             const NeuronTreeGradients& gradients) {
  const Backward backward{{tree}, x, dy, logits, leaf, straight_through, gradients};
  Scratch<float> activation(backward.values(tokens)), dlogit(backward.values(tokens));
  std::atomic<std::int64_t> evaluated = 0;
  const std::int64_t span = backward.span();
  // At least once: without tokens the gradients are zero.
  for (std::int64_t from = 0; from < tokens || from == 0; from += span) {
    const std::int64_t count = std::min(span, tokens - from);
    parallel_for(count, kDensePanel, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = begin * backward.nodes;
      evaluated += backward.panel(from + begin, from + end, activation.data() + at, dlogit.data() + at);
    });
    backward.weights(from, count, activation.data(), dlogit.data());
  }
  return evaluated;
}

}  // namespace espalier::kernels
