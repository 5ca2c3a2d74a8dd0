#include "kernels/neuron_tree_straight_through.h"

#include <numeric>

#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "kernels/gate.h"
#include "kernels/gelu.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kTokenGrain = 32;

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
  for (int i = 0; i < count; ++i) {
    sum += static_cast<double>(activation[i]) * static_cast<double>(projection[i]);
  }
  return sum;
}

}  // namespace

std::int64_t sibling_values(const NeuronTree& tree, int k, const LeafOrder& order, const float* x,
                            const float* dy, const float* logits, const StraightThrough& options,
                            double* other) {
  const TreeGates& gates = tree.gates;
  const int depth = gates.depth;
  PoolVector<std::int64_t> evaluated(
      static_cast<std::size_t>((order.count() + kTokenGrain - 1) / kTokenGrain), 0);
  parallel_for(order.count(), kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t& count = evaluated[static_cast<std::size_t>(begin / kTokenGrain)];
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t token = order.tokens()[i];
      for (int level = 0; level < depth; ++level) {
        const float logit = logits[(token * gates.trees + k) * gates.levels() + level];
        if (gate_slope(logit, options.temperature) < options.epsilon) continue;
        const std::int32_t leaf = order.leaves()[i];
        const std::int32_t sibling =
            2 * path_node(level, leaf, depth) + (path_turns_right(level, leaf, depth) ? 1 : 2);
        other[i * depth + level] =
            path_value(tree, k, sibling, level + 1, x + token * gates.width, dy + token * tree.output_width);
        count += depth - level;
      }
    }
  });
  return std::accumulate(evaluated.begin(), evaluated.end(), std::int64_t{0});
}

void add_decision_gradients(int depth, const StraightThrough& options, const float* logits, std::int32_t leaf,
                            const double* value, const double* other, float* dlogit) {
  double below = 0;
  for (int level = depth - 1; level >= 0; --level) {
    below += value[level + 1];
    const float slope = gate_slope(logits[level], options.temperature);
    if (slope < options.epsilon) continue;
    const double rise = path_turns_right(level, leaf, depth) ? below - other[level] : other[level] - below;
    dlogit[level] += static_cast<float>(static_cast<double>(slope) * rise);
  }
}

}  // namespace espalier::kernels
