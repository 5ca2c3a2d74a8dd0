#include "kernels/tree/neuron_hard_dense.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/kernels/each_target.h"
#include "tests/kernels/neuron_tree_support.h"

namespace espalier::kernels {
namespace {

using namespace tree_tests;
using testing::Doubles;
using testing::max_relative_error;
using testing::random_tensor;

// No token, a few, and around what a product computes on another path; trees that fill vectors or do not;
// several panels, the last one short.
const std::vector<TreeSize> kDenseForests = {
    {1, 0, 5, 3, 4},     {3, 0, 700, 5, 7},   {40, 0, 47, 97, 31}, {17, 0, 48, 8, 97}, {1, 1, 70, 97, 5},
    {2, 1, 1, 33, 17},   {3, 1, 48, 5, 7},    {4, 1, 0, 6, 5},     {5, 1, 47, 97, 33}, {8, 1, 49, 16, 97},
    {16, 1, 300, 17, 9}, {17, 1, 513, 19, 3}, {40, 1, 300, 97, 6}, {1, 2, 49, 97, 5},  {3, 2, 1, 33, 17},
    {5, 2, 0, 6, 5},     {16, 2, 47, 17, 97}, {23, 2, 300, 19, 8}, {70, 2, 520, 9, 7}};

// A forest, its inputs and the plain computation in double along the paths that the kernels took.
struct Problem {
  TreeSize size;
  TreeWeights weights;
  Tensor x, dy;
  testing::TreeTwin twin;
  std::vector<Doubles> inputs;
  Doubles node_logits;

  explicit Problem(const TreeSize& s)
      : size(s),
        weights(s),
        x(random_tensor({s.tokens, s.width}, 1)),
        dy(random_tensor({s.tokens, s.output_width}, 5)),
        twin{s.trees, s.depth, s.width, s.output_width},
        inputs{doubles(x), doubles(weights.w_in), doubles(weights.bias), doubles(weights.w_out)},
        node_logits(twin_logits(twin, inputs)) {}

  double logit(std::int64_t token, int tree, std::int64_t node) const {
    return node_logits[twin.at(token, tree, node)];
  }
  // gelu(logit) <dy, w_out>
  double value(std::int64_t token, int tree, std::int64_t node) const {
    const double z = logit(token, tree, node);
    double dot = 0;
    for (std::int64_t i = 0; i < size.output_width; ++i) {
      dot += static_cast<double>(dy.data()[token * size.output_width + i]) *
             inputs[3][static_cast<std::size_t>((tree * twin.nodes() + node) * size.output_width + i)];
    }
    return 0.5 * z * std::erfc(-z / std::sqrt(2.0)) * dot;
  }
};

TreePaths dense_forward(const Problem& p) {
  const TreeSize& s = p.size;
  TreePaths paths{Tensor::full({s.tokens, s.trees, s.depth + 1}, 1e9F),
                  Tensor::full({s.tokens, s.output_width}, 1e9F),
                  std::vector<std::int32_t>(static_cast<std::size_t>(s.tokens * s.trees), -1)};
  neuron_tree_hard_dense_forward(p.weights.tree(), s.tokens, p.x.data(), paths.logits.data(),
                                 paths.leaf.data(), paths.y.data());
  return paths;
}

std::int64_t dense_backward(const Problem& p, const TreePaths& paths, const StraightThrough* decisions,
                            const NeuronTreeGradients& gradients) {
  return neuron_tree_hard_dense_backward(p.weights.tree(), p.size.tokens, p.x.data(), p.dy.data(),
                                         paths.logits.data(), paths.leaf.data(), decisions, gradients);
}

void check_dense_forward(const Problem& p, const TreePaths& paths) {
  const TreeSize& s = p.size;
  std::int64_t wrong = 0;
  for (std::int64_t path = 0; path < s.tokens * s.trees; ++path) {
    const std::int64_t token = path / s.trees;
    const auto tree = static_cast<int>(path % s.trees);
    const float* logits = paths.logits.data() + path * (s.depth + 1);
    const std::int32_t leaf = paths.leaf[static_cast<std::size_t>(path)];
    std::int32_t decided = 0;
    for (int level = 0; level < s.depth; ++level) decided = 2 * decided + (logits[level] > 0 ? 1 : 0);
    wrong += leaf != decided;
    for (int level = 0; level <= s.depth; ++level) {
      const double expected = p.logit(token, tree, path_node(level, leaf, s.depth));
      wrong += !(std::abs(static_cast<double>(logits[level]) - expected) < 1e-5);
    }
  }
  CHECK(wrong == 0);
  const auto stored = [&](std::int64_t token, int tree, std::int64_t node, double) {
    const std::int32_t leaf = paths.leaf[static_cast<std::size_t>(token * s.trees + tree)];
    return node == 0 ? leaf >> (s.depth - 1) : leaf & 1;
  };
  const Doubles y = twin_output(p.twin, p.inputs, stored);
  CHECK(max_relative_error(std::as_const(paths.y).span(), std::span<const double>(y)) < 3e-5);
}

// Adds the gradient of a node's logit to those of the twin.
void add_logit_gradient(const Problem& p, std::int64_t token, std::int64_t row, double dlogit,
                        std::vector<Doubles>& gradients) {
  for (std::int64_t i = 0; i < p.size.width; ++i) {
    const auto of_x = static_cast<std::size_t>(token * p.size.width + i);
    const auto of_w = static_cast<std::size_t>(row * p.size.width + i);
    gradients[0][of_x] += dlogit * p.inputs[1][of_w];
    gradients[1][of_w] += dlogit * p.inputs[0][of_x];
  }
  gradients[2][static_cast<std::size_t>(row)] += dlogit;
}

// Adds the decisions' gradients to those of the twin. Returns the number of siblings.
std::int64_t add_decisions(const Problem& p, const TreePaths& paths, const StraightThrough& options,
                           std::vector<Doubles>& gradients) {
  const int depth = p.size.depth;
  std::int64_t siblings = 0;
  for (std::int64_t path = 0; path < p.size.tokens * p.size.trees; ++path) {
    const std::int64_t token = path / p.size.trees;
    const auto tree = static_cast<int>(path % p.size.trees);
    const std::int32_t leaf = paths.leaf[static_cast<std::size_t>(path)];
    double taken = 0;
    for (int level = depth - 1; level >= 0; --level) {
      taken += p.value(token, tree, path_node(level + 1, leaf, depth));
      const double tau = static_cast<double>(options.temperature);
      const float logit = paths.logits.data()[path * (depth + 1) + level];
      const double c = testing::twin_sigmoid(static_cast<double>(logit) / tau);
      const double slope = c * (1 - c) / tau;
      if (slope < static_cast<double>(options.epsilon)) continue;
      const bool right = path_turns_right(level, leaf, depth);
      const std::int64_t node = path_node(level, leaf, depth);
      double other = 0;
      std::int64_t below = 2 * node + (right ? 1 : 2);
      for (int to = level + 1; to <= depth; ++to) {
        other += p.value(token, tree, below);
        below = 2 * below + (p.logit(token, tree, below) > 0 ? 2 : 1);
        ++siblings;
      }
      const double rise = right ? taken - other : other - taken;
      add_logit_gradient(p, token, tree * p.twin.nodes() + node, slope * rise, gradients);
    }
  }
  return siblings;
}

void check_dense_backward(const Problem& p, const TreePaths& paths, const StraightThrough* decisions) {
  std::vector<Doubles> expected = twin_hard_gradients(p.twin, p.inputs, paths.leaf, doubles(p.dy));
  const std::int64_t siblings = decisions == nullptr ? 0 : add_decisions(p, paths, *decisions, expected);
  TreeGradients gradients(p.weights, p.size.tokens);
  CHECK(dense_backward(p, paths, decisions, gradients.destinations(false)) == siblings);
  const std::vector<std::vector<float>> once = gradients.all();
  dense_backward(p, paths, decisions, gradients.destinations(true));
  const std::vector<std::vector<float>> twice = gradients.all();
  for (std::size_t i = 0; i < once.size(); ++i) {
    INFO("input " << i);
    CHECK(max_relative_error(std::span(once[i]), std::span<const double>(expected[i])) < 1e-4);
    for (double& value : expected[i]) value *= 2;
    CHECK(max_relative_error(std::span(twice[i]), std::span<const double>(expected[i])) < 1e-4);
  }
}

constexpr StraightThrough kDecisions[] = {{0.7F, 0.0F}, {0.7F, 0.2F}, {1.0F, 0.3F}};

void check_dense(const TreeSize& s) {
  INFO(s.trees << " trees of depth " << s.depth << ", " << s.tokens << " tokens, " << s.width << " -> "
               << s.output_width);
  const Problem p(s);
  const TreePaths paths = dense_forward(p);
  check_dense_forward(p, paths);
  check_dense_backward(p, paths, nullptr);
  for (const StraightThrough& decisions : kDecisions) check_dense_backward(p, paths, &decisions);
}

}  // namespace

TEST_CASE("dense forests: the twin's values and gradients, on every instruction set") {
  testing::for_each_target([](std::int64_t) {
    for (const TreeSize& size : kDenseForests) check_dense(size);
  });
}

TEST_CASE("dense forests: several spans of panels") {
  check_dense({2800, 1, 1030, 3, 2});
}

TEST_CASE("dense forests: a gradient that nobody wants is left out, and the others keep their bits") {
  const Problem p({9, 1, 600, 7, 5});
  const TreePaths paths = dense_forward(p);
  TreeGradients all(p.weights, p.size.tokens);
  dense_backward(p, paths, &kDecisions[0], all.destinations(false));
  for (std::size_t left_out = 0; left_out < 4; ++left_out) {
    TreeGradients some(p.weights, p.size.tokens);
    const std::vector<std::vector<float>> before = some.all();
    NeuronTreeGradients to = some.destinations(false);
    Destination* const each[] = {&to.x, &to.w_in, &to.bias, &to.w_out};
    each[left_out]->data = nullptr;
    dense_backward(p, paths, &kDecisions[0], to);
    for (std::size_t i = 0; i < 4; ++i) CHECK(some.all()[i] == (i == left_out ? before : all.all())[i]);
  }
}

TEST_CASE("dense forests: weights off the path get exactly nothing") {
  const Problem p({5, 1, 1, 7, 5});
  const TreePaths paths = dense_forward(p);
  TreeGradients gradients(p.weights, 1);
  dense_backward(p, paths, &kDecisions[0], gradients.destinations(false));
  for (int k = 0; k < 5; ++k) {
    const std::int64_t sibling = 3 * k + (paths.leaf[static_cast<std::size_t>(k)] == 0 ? 2 : 1);
    CHECK(gradients.bias.data()[sibling] == 0.0F);
    for (int i = 0; i < 7; ++i) CHECK(gradients.w_in.data()[sibling * 7 + i] == 0.0F);
    for (int i = 0; i < 5; ++i) CHECK(gradients.w_out.data()[sibling * 5 + i] == 0.0F);
  }
}

TEST_CASE("dense forests: depth 0, forests of depth 1, large ones of depth 2") {
  const auto dense = [](int trees, int depth) {
    return products_are_faster({TreeKind::kNeuron, trees, depth, 8, nullptr, nullptr});
  };
  CHECK(dense(1, 0));
  CHECK(dense(3072, 0));
  CHECK(dense(1536, 1));
  CHECK(dense(4, 1));
  CHECK_FALSE(dense(1, 1));
  CHECK(dense(512, 2));
  CHECK_FALSE(dense(32, 2));
  CHECK_FALSE(dense(256, 3));
  CHECK_FALSE(dense(1, 11));
}

}  // namespace espalier::kernels
