// Google Benchmark of the hard tree of neurons and its two products; items are tokens (or rows) a second.
// `espalier bench fff` checks the same kernels and compares them with the dense layer; this is for looking at
// one of them closely. Times are of the wall clock: kernels work on all cores.
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>

#include "experiments/speed/micro/fill.h"
#include "kernels/tree/neuron_hard.h"
#include "kernels/tree/rows.h"

namespace espalier::micro {
namespace {

constexpr std::int64_t kWidth = 768;

// Trees with inputs and every buffer that a pass needs.
struct Layer {
  Layer(int trees, int depth, std::int64_t tokens_in)
      : tokens(tokens_in), rows(trees * ((std::int64_t{2} << depth) - 1)) {
    const float std = 1.0F / std::sqrt(static_cast<float>(kWidth));
    w_in = random_tensor({rows, kWidth}, "w_in", std);
    bias = random_tensor({rows}, "bias", 0.02F);
    w_out = random_tensor({rows, kWidth}, "w_out", std);
    x = random_tensor({tokens, kWidth}, "x");
    dy = random_tensor({tokens, kWidth}, "dy");
    y = Tensor::empty({tokens, kWidth});
    logits = Tensor::empty({tokens, trees, depth + 1});
    leaf = IntTensor::empty({tokens, trees});
    tree = {
        {kernels::TreeKind::kNeuron, trees, depth, kWidth, w_in.data(), bias.data()}, kWidth, w_out.data()};
  }
  void forward() {
    kernels::neuron_tree_hard_forward(tree, tokens, x.data(), logits.data(), leaf.data(), y.data());
  }

  std::int64_t tokens, rows;
  Tensor w_in, bias, w_out, x, dy, y, logits;
  IntTensor leaf;
  kernels::NeuronTree tree;
};

// The layer of a size, kept until another is asked for: the library calls a benchmark again and again to find
// how often to repeat it, and drawing millions of random numbers takes longer than what is measured.
Layer& layer_of(const benchmark::State& state) {
  static std::unique_ptr<Layer> layer;
  static std::array<std::int64_t, 3> size{};
  const std::array<std::int64_t, 3> wanted{state.range(0), state.range(1), state.range(2)};
  if (!layer || size != wanted) {
    layer.reset();
    layer = std::make_unique<Layer>(static_cast<int>(wanted[0]), static_cast<int>(wanted[1]), wanted[2]);
    size = wanted;
  }
  return *layer;
}

// trees, depth, tokens
void tree_forward(benchmark::State& state) {
  Layer& layer = layer_of(state);
  for (auto _ : state) layer.forward();
  state.SetItemsProcessed(state.iterations() * layer.tokens);
}
BENCHMARK(tree_forward)
    ->Args({1, 11, 1})
    ->Args({1, 11, 128})
    ->Args({1, 11, 16384})
    ->Args({4, 9, 4096})
    ->Args({32, 6, 4096})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// trees, depth, tokens, straight-through
void tree_backward(benchmark::State& state) {
  Layer& layer = layer_of(state);
  layer.forward();
  const kernels::StraightThrough decisions{1.0F, 0.0F};
  Tensor dx = Tensor::empty({layer.tokens, kWidth});
  Tensor d_in = Tensor::empty({layer.rows, kWidth});
  Tensor d_out = Tensor::empty({layer.rows, kWidth});
  Tensor d_bias = Tensor::empty({layer.rows});
  for (auto _ : state) {
    kernels::neuron_tree_hard_backward(
        layer.tree, layer.tokens, layer.x.data(), layer.dy.data(), layer.logits.data(), layer.leaf.data(),
        state.range(3) != 0 ? &decisions : nullptr,
        {{dx.data(), false}, {d_in.data(), false}, {d_bias.data(), false}, {d_out.data(), false}});
  }
  state.SetItemsProcessed(state.iterations() * layer.tokens);
}
BENCHMARK(tree_backward)
    ->Args({1, 11, 16384, 0})
    ->Args({1, 11, 16384, 1})
    ->Args({4, 9, 4096, 0})
    ->Args({32, 6, 4096, 0})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace espalier::micro

BENCHMARK_MAIN();
