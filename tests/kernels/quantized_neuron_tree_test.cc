// ctest-label: threads
#include "kernels/tree/quantized_neuron_hard.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "espalier/base/parallel.h"
#include "kernels/gelu.h"
#include "kernels/vnni.h"
#include "tests/kernels/each_target.h"
#include "tests/kernels/neuron_tree_support.h"
#include "tests/kernels/quantized_twin.h"

namespace espalier::kernels::tree_tests {
namespace {

using testing::plain_quantized;
using testing::PlainRow;
using testing::random_tensor;
using testing::row_of;

TreePaths empty_paths(const TreeSize& s) {
  return {Tensor::full({s.tokens, s.trees, s.depth + 1}, 1e9F),
          Tensor::full({s.tokens, s.output_width}, 1e9F),
          std::vector<std::int32_t>(static_cast<std::size_t>(s.tokens * s.trees), -1)};
}

TreePaths quantized_forward(const TreeWeights& weights, const Tensor& x) {
  TreeSize size = weights.size;
  size.tokens = x.shape()[0];
  TreePaths paths = empty_paths(size);
  const QuantizedNeuronTree tree(weights.tree());
  quantized_neuron_tree_forward(tree, size.tokens, x.data(), paths.logits.data(), paths.leaf.data(),
                                paths.y.data());
  return paths;
}

// The plain twin: one token after the other, sums of integers, then float32 in the order of the header.
TreePaths plain_forward(const TreeWeights& weights, const Tensor& x) {
  const TreeSize& s = weights.size;
  TreePaths paths = empty_paths(s);
  const std::int64_t nodes = (std::int64_t{2} << s.depth) - 1;
  std::vector<PlainRow> in, out;
  for (std::int64_t row = 0; row < s.trees * nodes; ++row) {
    in.push_back(plain_quantized(row_of(weights.w_in, row)));
    out.push_back(plain_quantized(row_of(weights.w_out, row)));
  }
  for (std::int64_t t = 0; t < s.tokens; ++t) {
    const PlainRow token = plain_quantized(row_of(x, t));
    std::vector<float> y(static_cast<std::size_t>(s.output_width), 0.0F);
    for (int k = 0; k < s.trees; ++k) {
      std::int64_t node = 0;
      for (int level = 0; level <= s.depth; ++level) {
        const auto row = static_cast<std::size_t>(k * nodes + node);
        const float logit =
            static_cast<float>(testing::plain_dot(in[row], token)) * (token.scale * in[row].scale) +
            weights.bias.data()[row];
        paths.logits.data()[(t * s.trees + k) * (s.depth + 1) + level] = logit;
        float activation = 0;
        gelu_serial(1, &logit, &activation);
        for (std::size_t c = 0; c < y.size(); ++c) {
          const float term = activation * out[row].scale * static_cast<float>(out[row].bytes[c]);
          y[c] = y[c] + term;
        }
        if (level == s.depth)
          paths.leaf[static_cast<std::size_t>(t * s.trees + k)] =
              static_cast<std::int32_t>(node - (nodes - 1) / 2);
        node = 2 * node + (logit > 0 ? 2 : 1);
      }
    }
    std::copy(y.begin(), y.end(), paths.y.data() + t * s.output_width);
  }
  return paths;
}

void check_same(const TreePaths& found, const TreePaths& expected) {
  CHECK(found.leaf == expected.leaf);
  CHECK(testing::same_bits(found.logits.to_vector(), expected.logits.to_vector()));
  CHECK(testing::same_bits(found.y.to_vector(), expected.y.to_vector()));
}

}  // namespace

TEST_CASE("paths, logits and outputs have the bits of the plain twin on every instruction set") {
  for (const TreeSize& size : {TreeSize{1, 0, 3, 5, 4}, TreeSize{1, 3, 70, 64, 64}, TreeSize{3, 2, 9, 33, 17},
                               TreeSize{2, 5, 300, 20, 70}, TreeSize{1, 6, 2100, 40, 32}}) {
    const TreeWeights weights(size);
    const Tensor x = random_tensor({size.tokens, size.width}, 9, -2.0F, 2.0F);
    testing::for_each_target([&](std::int64_t /*target*/) {
      const TreePaths expected = plain_forward(weights, x);
      for (const bool vnni : {false, true}) {
        allow_vnni(vnni);
        for (const int threads : {1, 3}) {
          set_thread_count(threads);
          check_same(quantized_forward(weights, x), expected);
        }
      }
    });
  }
  set_thread_count(available_cores());
}

TEST_CASE("a quantized tree is near the tree that it was made from") {
  const TreeWeights weights({1, 4, 200, 256, 128});
  const Tensor x = random_tensor({200, 256}, 9);
  const TreePaths exact = forward(weights, x), found = quantized_forward(weights, x);
  double difference = 0, size = 0;
  std::int64_t same = 0;
  for (std::int64_t t = 0; t < 200; ++t) {
    if (exact.leaf[static_cast<std::size_t>(t)] != found.leaf[static_cast<std::size_t>(t)]) continue;
    ++same;
    for (std::int64_t c = 0; c < 128; ++c) {
      const double a = exact.y.data()[t * 128 + c], b = found.y.data()[t * 128 + c];
      difference += (a - b) * (a - b);
      size += a * a;
    }
  }
  CHECK(same > 190);
  CHECK(difference < 1e-4 * size);
}

TEST_CASE(
    "a token's result does not depend on its place or its neighbours, even where these are no numbers") {
  const TreeWeights weights({1, 5, 2300, 48, 40});
  Tensor x = random_tensor({2300, 48}, 9);
  const TreePaths together = quantized_forward(weights, x);
  x.data()[7 * 48] = NAN;
  const TreePaths beside = quantized_forward(weights, x);
  for (const std::int64_t token : {0, 6, 8, 1024, 2299}) {
    const TreePaths alone = quantized_forward(weights, x.slice_rows(token, token + 1));
    for (const TreePaths* all : {&together, &beside}) {
      CHECK(alone.leaf[0] == all->leaf[static_cast<std::size_t>(token)]);
      CHECK(testing::same_bits(alone.y.to_vector(), all->y.slice_rows(token, token + 1).to_vector()));
    }
  }
  CHECK(std::isnan(beside.y.data()[7 * 40]));
}

TEST_CASE("a tree of zeros gives zeros") {
  TreeWeights weights({2, 3, 5, 16, 16}, 0.0F);
  weights.w_in.fill(0);
  const TreePaths found = quantized_forward(weights, random_tensor({5, 16}, 9));
  for (const float value : found.y.span()) CHECK(value == 0.0F);
  CHECK(std::count(found.leaf.begin(), found.leaf.end(), 0) == 10);
}

}  // namespace espalier::kernels::tree_tests
