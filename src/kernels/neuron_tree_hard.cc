#include "kernels/neuron_tree_hard.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "espalier/base/parallel.h"
#include "kernels/gate.h"
#include "kernels/gelu.h"
#include "kernels/row_gradients.h"

namespace espalier::kernels {
namespace {

// Tokens a task walks, one tree at a time, so that the rows near the root stay in the first-level cache.
constexpr std::int64_t kTokenGrain = 32;

// What each (token, tree, level) contributes to weights: in token order, [tokens, trees, depth + 1].
struct PathUses {
  explicit PathUses(std::int64_t count) : row(count), token(count), dlogit(count), activation(count) {}
  Scratch<std::int32_t> row, token;
  Scratch<float> dlogit, activation;
};

// <dy, contribution of the path from `node` down>, by hard decisions.
double path_value(const NeuronTree& tree, int k, std::int32_t node, int level, const float* x,
                  const float* dy) {
  float activation[kMaxLevels];
  float projection[kMaxLevels];
  std::int32_t rows[kMaxLevels];
  int count = 0;
  walk_down(tree.gates, k, node, level, x, [&](int, std::int32_t at, float logit) {
    rows[count] = tree.gates.row(k, at);
    activation[count++] = logit;
  });
  gelu_serial(count, activation, activation);
  row_dots(count, rows, tree.output_source(), tree.output_width, dy, projection);
  double sum = 0;
  for (int i = count - 1; i >= 0; --i) {
    sum += static_cast<double>(activation[i]) * static_cast<double>(projection[i]);
  }
  return sum;
}

// Adds the decisions' own gradient to dlogit [depth + 1] of one token in one tree; returns the number of
// sibling nodes evaluated. value[l] = activation * <dy, w_out> of the path's level l, and becomes the value
// of the path from level l down.
std::int64_t add_decision_gradients(const NeuronTree& tree, int k, const float* x, const float* dy,
                                    const float* logits, std::int32_t leaf, const StraightThrough& options,
                                    double* value, float* dlogit) {
  const int depth = tree.gates.depth;
  std::int64_t evaluated = 0;
  for (int level = depth - 1; level >= 0; --level) {
    const double below = value[level + 1];
    value[level] += below;
    const float slope = gate_slope(logits[level], options.temperature);
    if (slope < options.epsilon) continue;
    const bool right = path_turns_right(level, leaf, depth);
    const std::int32_t sibling = 2 * path_node(level, leaf, depth) + (right ? 1 : 2);
    const double other = path_value(tree, k, sibling, level + 1, x, dy);
    dlogit[level] += static_cast<float>(static_cast<double>(slope) * (right ? below - other : other - below));
    evaluated += depth - level;
  }
  return evaluated;
}

// The backward pass of single paths.
struct PathBackward {
  const NeuronTree& tree;
  const float* x;
  const float* dy;
  const float* logits;
  const std::int32_t* leaf;
  const StraightThrough* straight_through;
  Destination dx;
  PathUses& uses;

  // One token in tree k: fills its uses, adds to its dx, returns the number of sibling nodes evaluated.
  std::int64_t run(std::int64_t token, int k) const {
    const TreeGates& gates = tree.gates;
    const int levels = gates.levels();
    const std::int64_t path = token * gates.trees + k;
    const std::int64_t at = path * levels;
    const float* own_dy = dy + token * tree.output_width;
    std::int32_t* rows = uses.row.data() + at;
    float* dlogit = uses.dlogit.data() + at;
    float* activation = uses.activation.data() + at;
    float projection[kMaxLevels];
    std::fill_n(uses.token.data() + at, levels, static_cast<std::int32_t>(token));
    path_rows(gates, k, leaf[path], rows);
    row_dots(levels, rows, tree.output_source(), tree.output_width, own_dy, projection);
    gelu_and_slope_serial(levels, logits + at, activation, dlogit);
    for (int level = 0; level < levels; ++level) dlogit[level] *= projection[level];
    std::int64_t evaluated = 0;
    if (straight_through != nullptr) {
      double value[kMaxLevels];
      for (int level = 0; level < levels; ++level) {
        value[level] = static_cast<double>(activation[level]) * static_cast<double>(projection[level]);
      }
      evaluated = add_decision_gradients(tree, k, x + token * gates.width, own_dy, logits + at, leaf[path],
                                         *straight_through, value, dlogit);
    }
    if (dx.data != nullptr) {
      weighted_row_sum(levels, rows, {dlogit}, gates.source(), gates.width, dx.accumulate || k > 0,
                       dx.data + token * gates.width);
    }
    return evaluated;
  }
};

void weight_gradients(const NeuronTree& tree, std::int64_t tokens, const float* x, const float* dy,
                      const PathUses& paths, const NeuronTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::int64_t rows = std::int64_t{gates.trees} * gates.nodes();
  const RowUses uses(rows, tokens * gates.trees * gates.levels(), paths.row.data(), paths.token.data());
  const Scratch<float> dlogit = uses.sorted(paths.dlogit.data(), 1);
  const Scratch<float> activation = uses.sorted(paths.activation.data(), 1);
  row_gradients(uses, 1, dlogit.data(), {x, gates.width}, gates.width, gradients.w_in);
  row_sums(uses, 1, dlogit.data(), gradients.bias);
  row_gradients(uses, 1, activation.data(), {dy, tree.output_width}, tree.output_width, gradients.w_out);
}

}  // namespace

void neuron_tree_hard_forward(const NeuronTree& tree, std::int64_t tokens, const float* x, float* logits,
                              std::int32_t* leaf, float* y) {
  const TreeGates& gates = tree.gates;
  const int levels = gates.levels();
  parallel_for(tokens, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    float activation[kMaxLevels];
    std::int32_t rows[kMaxLevels];
    for (int k = 0; k < gates.trees; ++k) {
      for (std::int64_t token = begin; token < end; ++token) {
        const std::int64_t path = token * gates.trees + k;
        float* own = logits + path * levels;
        leaf[path] = hard_path(gates, k, x + token * gates.width, own);
        path_rows(gates, k, leaf[path], rows);
        gelu_serial(levels, own, activation);
        weighted_row_sum(levels, rows, {activation}, tree.output_source(), tree.output_width, k > 0,
                         y + token * tree.output_width);
      }
    }
  });
}

std::int64_t neuron_tree_hard_backward(const NeuronTree& tree, std::int64_t tokens, const float* x,
                                       const float* dy, const float* logits, const std::int32_t* leaf,
                                       const StraightThrough* straight_through,
                                       const NeuronTreeGradients& gradients) {
  const int trees = tree.gates.trees;
  PathUses uses(tokens * trees * tree.gates.levels());
  const PathBackward backward{tree, x, dy, logits, leaf, straight_through, gradients.x, uses};
  std::vector<std::int64_t> evaluated(static_cast<std::size_t>((tokens + kTokenGrain - 1) / kTokenGrain), 0);
  parallel_for(tokens, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t& count = evaluated[static_cast<std::size_t>(begin / kTokenGrain)];
    for (int k = 0; k < trees; ++k) {
      for (std::int64_t token = begin; token < end; ++token) count += backward.run(token, k);
    }
  });
  weight_gradients(tree, tokens, x, dy, uses, gradients);
  return std::accumulate(evaluated.begin(), evaluated.end(), std::int64_t{0});
}

}  // namespace espalier::kernels
