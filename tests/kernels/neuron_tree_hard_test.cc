#include "kernels/tree/neuron_hard.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "tests/kernels/each_target.h"
#include "tests/kernels/neuron_tree_support.h"

namespace espalier::kernels {
namespace {

using namespace tree_tests;
using testing::Doubles;
using testing::random_tensor;

// Odd widths, no token, one token, several groups of gradients, buckets and pieces; forests of several blocks
// and panels; deep trees; gradients that go past the caches. Depth 0 and forests of depth 1 do not walk, nor
// large ones of depth 2: neuron_tree_hard_dense_test.cc.
const std::vector<TreeSize> kSmall = {{1, 1, 9, 17, 33},   {3, 1, 700, 5, 7},   {2, 3, 1, 97, 31},
                                      {1, 2, 1100, 16, 8}, {32, 2, 90, 19, 35}, {1, 12, 3, 8, 5},
                                      {5, 6, 130, 33, 97}, {1, 14, 40, 5, 3}};
const std::vector<TreeSize> kLarge = {{1, 11, 2100, 24, 16}, {1, 7, 2600, 97, 65},   {4, 9, 2300, 17, 48},
                                      {3, 5, 1300, 24, 200}, {1, 11, 500, 400, 400}, {1, 4, 300, 4095, 3},
                                      {1, 4, 60, 3, 4095}};

// Every logit, leaf and output has the bits of a token that walks alone.
void check_walks(const TreeWeights& weights, const Tensor& x) {
  const ScopedFlushToZero flush;  // as in the kernels' tasks
  const TreeSize& s = weights.size;
  const NeuronTree tree = weights.tree();
  const int levels = s.depth + 1;
  const TreePaths paths = forward(weights, x);
  std::vector<float> logits(static_cast<std::size_t>(levels));
  std::vector<std::int32_t> rows(logits.size());
  std::int64_t wrong = 0;
  for (std::int64_t token = 0; token < x.shape()[0]; ++token) {
    std::vector<float> y(static_cast<std::size_t>(s.output_width));
    for (int k = 0; k < s.trees; ++k) {
      const std::int64_t path = token * s.trees + k;
      const std::int32_t leaf = hard_path(tree.gates, k, x.data() + token * s.width, logits.data());
      wrong += leaf != paths.leaf[static_cast<std::size_t>(path)];
      wrong += !std::equal(logits.begin(), logits.end(), paths.logits.data() + path * levels);
      path_rows(tree.gates, k, leaf, rows.data());
      gelu_serial(levels, logits.data(), logits.data());
      weighted_row_sum(levels, rows.data(), {logits.data()}, tree.output_source(), s.output_width,
                       {y.data(), k > 0});
    }
    wrong += !std::equal(y.begin(), y.end(), paths.y.data() + token * s.output_width);
  }
  CHECK(wrong == 0);
}

// Below this a gradient is what cancellation left of sums that are far larger, with their rounding: without
// fused multiply-add 1.3e-4 where the largest of 1,500 terms' sums are some hundreds.
double floor_of(const Doubles& gradient) {
  double largest = 0;
  for (const double value : gradient) largest = std::max(largest, std::abs(value));
  return std::max(1.0, largest / 10);
}

void check_walked_gradients(const TreeWeights& weights, const Tensor& x) {
  const TreeSize& s = weights.size;
  const std::int64_t tokens = x.shape()[0];
  const Tensor dy = random_tensor({tokens, s.output_width}, 5);
  const TreePaths paths = forward(weights, x);
  const testing::TreeTwin twin{s.trees, s.depth, s.width, s.output_width};
  const std::vector<Doubles> expected = twin_hard_gradients(
      twin,
      std::vector<Doubles>{doubles(x), doubles(weights.w_in), doubles(weights.bias), doubles(weights.w_out)},
      paths.leaf, doubles(dy));
  TreeGradients gradients(weights, tokens);
  CHECK(add_gradients(weights, x, dy, paths, nullptr, false, gradients) == 0);
  const std::vector<std::vector<float>> once = gradients.all();
  add_gradients(weights, x, dy, paths, nullptr, true, gradients);
  const std::vector<std::vector<float>> twice = gradients.all();
  for (std::size_t i = 0; i < once.size(); ++i) {
    INFO("input " << i);
    const double floor = floor_of(expected[i]);
    CHECK(testing::max_relative_error(std::span(once[i]), std::span<const double>(expected[i]), floor) <
          1e-4);
    Doubles doubled = expected[i];
    for (double& value : doubled) value *= 2;
    CHECK(testing::max_relative_error(std::span(twice[i]), std::span<const double>(doubled), floor) < 1e-4);
  }
}

void check_walked(const TreeSize& s, float bias_range = 0.3F, float shift = 0.0F) {
  INFO(s.trees << " trees of depth " << s.depth << ", " << s.tokens << " tokens, " << s.width << " -> "
               << s.output_width);
  const TreeWeights weights(s, bias_range, shift);
  const Tensor x = random_tensor({s.tokens, s.width}, 1);
  check_walks(weights, x);
  check_walked_gradients(weights, x);
}

}  // namespace

TEST_CASE("hard tree: single walks' bits, and the gradients of the twin, on every instruction set") {
  testing::for_each_target([](std::int64_t) {
    for (const TreeSize& size : kSmall) check_walked(size);
  });
}

TEST_CASE("hard tree: many tokens") {
  for (const TreeSize& size : kLarge) check_walked(size);
}

TEST_CASE("hard tree: all tokens in one leaf, in a few leaves, and one token a leaf") {
  for (const TreeSize& size : {TreeSize{1, 9, 3000, 24, 20}, TreeSize{2, 6, 1500, 17, 33}}) {
    check_walked(size, 0.3F, 15.0F);   // the last leaf
    check_walked(size, 0.3F, -15.0F);  // the first leaf; nothing comes out
    check_walked(size, 0.3F, 4.0F);    // mostly right
    check_walked(size, 15.0F);         // most nodes send all tokens one way
  }
  // Decisions are the bits of the token's number: token i ends in leaf i.
  const int depth = 10;
  const TreeSize size{1, depth, 1 << depth, depth, 16};
  TreeWeights weights(size, 0.001F);
  Tensor x = Tensor::zeros({size.tokens, size.width});
  std::fill(weights.w_in.span().begin(), weights.w_in.span().end(), 0.0F);
  for (std::int64_t node = 0; node < weights.rows(); ++node) {
    const int level = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(node + 1))) - 1;
    if (level < depth) weights.w_in.data()[node * depth + level] = 1.0F;
  }
  for (std::int64_t token = 0; token < size.tokens; ++token) {
    for (int bit = 0; bit < depth; ++bit) {
      x.data()[token * depth + bit] = ((token >> (depth - 1 - bit)) & 1) != 0 ? 1.0F : -1.0F;
    }
  }
  const TreePaths paths = forward(weights, x);
  for (std::int32_t token = 0; token < size.tokens; ++token) {
    REQUIRE(paths.leaf[static_cast<std::size_t>(token)] == token);
  }
  check_walks(weights, x);
  check_walked_gradients(weights, x);
}

TEST_CASE("hard tree: rows that no token touches stay unwritten where marks are asked for") {
  // One group of tokens, of one tree and of several; two groups, of which the second is added to the first.
  for (const TreeSize& size : {TreeSize{1, 9, 60, 16, 5}, {4, 6, 9, 5, 16}, {1, 7, 1100, 16, 16}}) {
    const TreeWeights weights(size);
    const Tensor x = random_tensor({size.tokens, size.width}, 1);
    const Tensor dy = random_tensor({size.tokens, size.output_width}, 5);
    const TreePaths paths = forward(weights, x);
    TreeGradients whole(weights, size.tokens), partial(weights, size.tokens);
    add_gradients(weights, x, dy, paths, nullptr, false, whole);
    std::vector<char> marks(static_cast<std::size_t>(weights.rows()), 0);
    NeuronTreeGradients to = partial.destinations(false);
    to.unwritten = marks.data();
    neuron_tree_hard_backward(weights.tree(), size.tokens, x.data(), dy.data(), paths.logits.data(),
                              paths.leaf.data(), nullptr, to);
    const std::int64_t group = neuron_tree_group_tokens(size.trees, size.depth);
    CHECK((std::count(marks.begin(), marks.end(), 1) > 0) == (size.tokens <= group));
    for (std::int64_t row = 0; row < weights.rows(); ++row) {
      if (marks[static_cast<std::size_t>(row)] == 0) continue;
      for (Tensor* gradient : {&partial.w_in, &partial.w_out}) {
        Tensor unwritten = gradient->slice_rows(row, row + 1);
        CHECK(unwritten.to_vector() == std::vector<float>(static_cast<std::size_t>(unwritten.size()), 1e9F));
        unwritten.fill(0);
      }
    }
    CHECK(partial.all() == whole.all());
  }
}

TEST_CASE("hard tree: no tokens leave gradients alone, or zero") {
  const TreeWeights weights({2, 4, 0, 6, 5});
  const Tensor x = Tensor::zeros({0, 6});
  const Tensor dy = Tensor::zeros({0, 5});
  const TreePaths paths = forward(weights, x);
  for (const bool accumulate : {false, true}) {
    TreeGradients gradients(weights, 0);
    add_gradients(weights, x, dy, paths, nullptr, accumulate, gradients);
    for (const std::vector<float>& gradient : gradients.of_weights()) {
      CHECK(gradient == std::vector<float>(gradient.size(), accumulate ? 1e9F : 0.0F));
    }
  }
}

}  // namespace espalier::kernels
