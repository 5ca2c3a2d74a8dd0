#include "kernels/tree/straight_through_siblings.h"

#include <doctest/doctest.h>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/tree/gate.h"
#include "tests/kernels/each_target.h"
#include "tests/kernels/neuron_tree_support.h"

namespace espalier::kernels {
namespace {

using namespace tree_tests;
using testing::random_tensor;

// The sum of gelu(logit) <dy, w_out> from `node` down, by a walk of the token alone, and its nodes.
double branch_value(const NeuronTree& tree, int k, std::int32_t node, int level, const float* x,
                    const float* dy, std::int64_t& nodes) {
  double sum = 0;
  walk_down(tree.gates, k, node, level, x, [&](int, std::int32_t at, float logit) {
    float activation = 0;
    gelu_serial(1, &logit, &activation);
    const std::int64_t row = tree.gates.row(k, at);
    sum += static_cast<double>(activation) *
           static_cast<double>(row_dot(tree.output_width, tree.w_out + row * tree.output_width, dy));
    ++nodes;
  });
  return sum;
}

void check_values(const TreeSize& s, const StraightThrough& options, float shift) {
  INFO(s.trees << " trees of depth " << s.depth << ", " << s.tokens << " tokens");
  const TreeWeights weights(s, 0.3F, shift);
  const NeuronTree tree = weights.tree();
  const Tensor x = random_tensor({s.tokens, s.width}, 1);
  const Tensor dy = random_tensor({s.tokens, s.output_width}, 5);
  const TreePaths paths = forward(weights, x);
  const ScopedFlushToZero flush;  // as in the kernels' tasks
  for (int k = 0; k < s.trees; ++k) {
    const TokenOrder order(s.depth, 0, s.tokens, paths.leaf.data() + k, s.trees);
    std::vector<double> values(static_cast<std::size_t>(s.tokens * s.depth), -1.0);
    const std::int64_t evaluated =
        sibling_values(tree, k, order, x.data(), dy.data(), paths.logits.data(), options, values.data());
    std::int64_t nodes = 0;
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < s.tokens; ++i) {
      const std::int64_t token = order.tokens()[i];
      for (int level = 0; level < s.depth; ++level) {
        const float logit = paths.logits.data()[(token * s.trees + k) * (s.depth + 1) + level];
        double expected = 0;
        if (gate_slope(logit, options.temperature) >= options.epsilon) {
          const std::int32_t leaf = order.leaves()[i];
          const std::int32_t sibling =
              2 * path_node(level, leaf, s.depth) + (path_turns_right(level, leaf, s.depth) ? 1 : 2);
          expected = branch_value(tree, k, sibling, level + 1, x.data() + token * s.width,
                                  dy.data() + token * s.output_width, nodes);
        }
        wrong += values[static_cast<std::size_t>(i * s.depth + level)] != expected;
      }
    }
    CHECK(wrong == 0);
    CHECK(evaluated == nodes);
  }
}

}  // namespace

TEST_CASE("straight-through: branches not taken have the values of single walks, on every instruction set") {
  testing::for_each_target([](std::int64_t) {
    for (const TreeSize& size : {TreeSize{1, 1, 70, 5, 3}, TreeSize{2, 5, 130, 33, 17},
                                 TreeSize{1, 8, 1, 97, 8}, TreeSize{1, 12, 40, 8, 31}}) {
      check_values(size, {0.7F, 0.0F}, 0.0F);
      check_values(size, {0.7F, 0.1F}, 0.0F);
    }
  });
}

TEST_CASE("straight-through: several batches, and trees where all tokens go one way") {
  for (const float shift : {0.0F, 0.6F, 9.0F}) {
    check_values({1, 8, 4500, 13, 16}, {1.0F, 0.0F}, shift);
    check_values({2, 4, 2100, 16, 9}, {1.0F, 0.05F}, shift);
  }
}

}  // namespace espalier::kernels
