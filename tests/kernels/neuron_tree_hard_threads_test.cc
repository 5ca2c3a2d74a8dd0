// ctest-label: threads
// Bits of hard trees of neurons: any number of threads, any cut of the tokens, micro-batches of whole groups.
#include <doctest/doctest.h>

#include "espalier/base/parallel.h"
#include "tests/kernels/neuron_tree_support.h"

namespace espalier::kernels {
namespace {

using namespace tree_tests;
using testing::random_tensor;

const std::vector<TreeSize> kWalked = {{1, 9, 4500, 33, 48}, {3, 4, 1100, 16, 17}, {8, 6, 700, 20, 16}};
// Those that do not walk: their bits may depend on a token's neighbours.
const std::vector<TreeSize> kDense = {{40, 1, 1100, 33, 17},
                                      {19, 0, 1500, 20, 48},
                                      {300, 1, 47, 60, 50},
                                      {2800, 1, 1100, 3, 2},
                                      {70, 2, 1100, 33, 17}};
constexpr StraightThrough kStraightThrough{0.8F, 0.01F};

// Output, leaves and all gradients of one pass.
std::vector<std::vector<float>> everything(const TreeWeights& weights,
                                           const StraightThrough* straight_through) {
  const Tensor x = random_tensor({weights.size.tokens, weights.size.width}, 1);
  const Tensor dy = random_tensor({weights.size.tokens, weights.size.output_width}, 5);
  const TreePaths paths = forward(weights, x);
  TreeGradients gradients(weights, weights.size.tokens);
  add_gradients(weights, x, dy, paths, straight_through, false, gradients);
  std::vector<std::vector<float>> all = gradients.all();
  all.push_back(paths.y.to_vector());
  all.emplace_back(paths.leaf.begin(), paths.leaf.end());
  all.push_back(paths.logits.to_vector());
  return all;
}

std::vector<std::vector<float>> in_batches(const TreeWeights& weights,
                                           const StraightThrough* straight_through,
                                           const std::vector<std::int64_t>& sizes) {
  const Tensor x = random_tensor({weights.size.tokens, weights.size.width}, 1);
  const Tensor dy = random_tensor({weights.size.tokens, weights.size.output_width}, 5);
  TreeGradients gradients(weights, weights.size.tokens);
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    const Tensor own = x.slice_rows(first, first + size);
    add_gradients(weights, own, dy.slice_rows(first, first + size), forward(weights, own), straight_through,
                  first > 0, gradients);
    first += size;
  }
  REQUIRE(first == weights.size.tokens);
  return gradients.of_weights();
}

const std::vector<const StraightThrough*> kModes = {nullptr, &kStraightThrough};

}  // namespace

TEST_CASE("hard tree: 1, 2, 3 and 8 threads give the same bits") {
  std::vector<TreeSize> sizes = kWalked;
  sizes.insert(sizes.end(), kDense.begin(), kDense.end());
  for (const TreeSize& size : sizes) {
    for (const float bias_range : {0.3F, 6.0F}) {  // spread over the leaves, and skewed
      const TreeWeights weights(size, bias_range);
      for (const StraightThrough* mode : kModes) {
        set_thread_count(1);
        const std::vector<std::vector<float>> expected = everything(weights, mode);
        for (const int threads : {2, 3, 8}) {
          set_thread_count(threads);
          CHECK(everything(weights, mode) == expected);
        }
      }
    }
  }
  set_thread_count(available_cores());
}

TEST_CASE("hard tree: the bits of a token do not depend on the tokens beside it") {
  for (const TreeSize& size : kWalked) {
    const TreeWeights weights(size);
    const Tensor x = random_tensor({size.tokens, size.width}, 1);
    const Tensor dy = random_tensor({size.tokens, size.output_width}, 5);
    for (const StraightThrough* mode : kModes) {
      const TreePaths whole = forward(weights, x);
      TreeGradients all(weights, size.tokens);
      add_gradients(weights, x, dy, whole, mode, false, all);
      for (const std::int64_t count : {1, 3, 300}) {
        const std::int64_t first = size.tokens / 2 - 7;
        const Tensor own = x.slice_rows(first, first + count);
        const TreePaths part = forward(weights, own);
        TreeGradients gradients(weights, count);
        add_gradients(weights, own, dy.slice_rows(first, first + count), part, mode, false, gradients);
        CHECK(part.y.to_vector() == whole.y.slice_rows(first, first + count).to_vector());
        CHECK(part.logits.to_vector() == whole.logits.slice_rows(first, first + count).to_vector());
        CHECK(gradients.x.to_vector() == all.x.slice_rows(first, first + count).to_vector());
      }
    }
  }
}

TEST_CASE("hard tree: micro-batches of whole groups add up to the bits of the batch") {
  for (const TreeSize& size :
       {TreeSize{1, 7, 2500, 19, 24}, TreeSize{3, 4, 1700, 16, 17}, TreeSize{40, 1, 1100, 33, 17},
        TreeSize{19, 0, 1700, 20, 48}, TreeSize{2800, 1, 1030, 3, 2}, TreeSize{70, 2, 1100, 33, 17}}) {
    const std::int64_t group = neuron_tree_group_tokens(size.trees, size.depth);
    REQUIRE(size.tokens > 2 * group);
    const TreeWeights weights(size);
    for (const StraightThrough* mode : kModes) {
      const std::vector<std::vector<float>> whole = in_batches(weights, mode, {size.tokens});
      CHECK(in_batches(weights, mode, {group, size.tokens - group}) == whole);
      CHECK(in_batches(weights, mode, {group, group, 0, size.tokens - 2 * group}) == whole);
    }
  }
}

}  // namespace espalier::kernels
