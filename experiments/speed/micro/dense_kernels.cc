// Google Benchmark of the dense kernels, one call each: items are elements or multiply-adds a second.
#include <benchmark/benchmark.h>

#include "experiments/speed/micro/fill.h"
#include "kernels/gelu.h"
#include "kernels/matmul.h"

namespace espalier::micro {
namespace {

// m, n, k
void matmul(benchmark::State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const Tensor a = random_tensor({m, k}, "a"), b = random_tensor({n, k}, "b");
  Tensor c = Tensor::empty({m, n});
  for (auto _ : state) {
    kernels::matmul(m, n, k, {a.data(), k}, {b.data(), k, true}, c.data(), n);
  }
  state.SetItemsProcessed(state.iterations() * m * n * k);
}
BENCHMARK(matmul)
    ->Args({2048, 2048, 2048})
    ->Args({4096, 768, 768})
    ->Args({128, 3072, 768})
    ->Args({1, 3072, 768})
    ->UseRealTime();

void gelu(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const Tensor x = random_tensor({n}, "x");
  Tensor y = Tensor::empty({n});
  for (auto _ : state) kernels::gelu(n, x.data(), y.data());
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(gelu)->Arg(4096)->Arg(1 << 22)->UseRealTime();

void gelu_backward(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const Tensor x = random_tensor({n}, "x"), dy = random_tensor({n}, "dy");
  Tensor dx = Tensor::empty({n});
  for (auto _ : state) kernels::gelu_backward(n, x.data(), dy.data(), dx.data());
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(gelu_backward)->Arg(4096)->Arg(1 << 22)->UseRealTime();

}  // namespace
}  // namespace espalier::micro

BENCHMARK_MAIN();
