#include "bench/references.h"

#include <algorithm>
#include <vector>

#include "bench/timing.h"
#include "espalier/base/parallel.h"
#include "espalier/nn/module.h"
#include "kernels/gelu.h"
#include "kernels/matmul.h"

namespace espalier::bench {

Tensor random_normal(const Shape& shape, float std, std::uint64_t seed, const std::string& name) {
  Tensor tensor = Tensor::empty(shape);
  nn::init_normal(tensor, std, seed, name);
  return tensor;
}

GemmPeak::GemmPeak()
    : a_(random_normal({kSize, kSize}, 1, 1, "a")),
      b_(random_normal({kSize, kSize}, 1, 1, "b")),
      c_(Tensor::zeros({kSize, kSize})) {}

double GemmPeak::measure() {
  const double begin = now_seconds();
  kernels::matmul(kSize, kSize, kSize, {a_.data(), kSize}, {b_.data(), kSize}, c_.data(), kSize);
  const double n = static_cast<double>(kSize);
  return 2 * n * n * n / (now_seconds() - begin) / 1e9;
}

std::int64_t memory_buffer_bytes(std::int64_t l3_kb) {
  return std::clamp<std::int64_t>(4 * l3_kb * 1024, 256 << 20, std::int64_t{1} << 30);
}

double read_bandwidth(std::int64_t bytes) {
  constexpr std::int64_t kGrain = 1 << 18;
  const std::int64_t count = bytes / static_cast<std::int64_t>(sizeof(std::uint64_t));
  const std::vector<std::uint64_t> memory(static_cast<std::size_t>(count), 1);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>((count + kGrain - 1) / kGrain));
  const auto read_all = [&] {
    parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::uint64_t lanes[8] = {};
      for (std::int64_t i = begin; i + 8 <= end; i += 8) {
        for (std::int64_t j = 0; j < 8; ++j) lanes[j] += memory[static_cast<std::size_t>(i + j)];
      }
      std::uint64_t sum = 0;
      for (const std::uint64_t lane : lanes) sum += lane;
      sums[static_cast<std::size_t>(begin / kGrain)] += sum;
    });
  };
  std::vector<double> rates;
  for (int round = 0; round < 5; ++round) {
    const double begin = now_seconds();
    read_all();
    rates.push_back(static_cast<double>(bytes) / (now_seconds() - begin) / 1e9);
  }
  return *std::max_element(rates.begin(), rates.end());
}

DenseLayer::DenseLayer(std::int64_t width, std::int64_t inner, std::uint64_t seed)
    : width_(width),
      inner_(inner),
      out_stride_((inner + 15) / 16 * 16 + 16),
      in_(random_normal({inner, width}, 0.02F, seed, "dense_in")),
      out_(random_normal({width, out_stride_}, 0.02F, seed, "dense_out")) {}

double DenseLayer::flops_per_token(bool backward) const {
  return (backward ? 12.0 : 4.0) * static_cast<double>(width_) * static_cast<double>(inner_);
}

void DenseLayer::forward(std::int64_t tokens, const float* x, bool keep, float* y) {
  if (!pre_.defined() || pre_.shape()[0] < tokens) pre_ = Tensor::empty({tokens, inner_});
  if (keep && (!hidden_.defined() || hidden_.shape()[0] < tokens)) hidden_ = Tensor::empty({tokens, inner_});
  float* hidden = keep ? hidden_.data() : pre_.data();
  kernels::matmul(tokens, inner_, width_, {x, width_}, {in_.data(), width_, true}, pre_.data(), inner_);
  kernels::gelu(tokens * inner_, pre_.data(), hidden);
  kernels::matmul(tokens, width_, inner_, {hidden, inner_}, {out_.data(), out_stride_, true}, y, width_);
}

void DenseLayer::backward(std::int64_t tokens, const float* x, const float* dy, bool accumulate, float* dx) {
  if (!d_in_.defined()) {
    d_in_ = Tensor::empty({inner_, width_});
    d_out_ = Tensor::empty({width_, out_stride_});
  }
  if (!d_hidden_.defined() || d_hidden_.shape()[0] < tokens) d_hidden_ = Tensor::empty({tokens, inner_});
  kernels::matmul(tokens, inner_, width_, {dy, width_}, {out_.data(), out_stride_}, d_hidden_.data(), inner_);
  kernels::matmul_over_rows(width_, inner_, tokens, dy, width_, hidden_.data(), inner_,
                            {d_out_.data(), accumulate}, out_stride_);
  kernels::gelu_backward(tokens * inner_, pre_.data(), d_hidden_.data(), d_hidden_.data());
  kernels::matmul(tokens, width_, inner_, {d_hidden_.data(), inner_}, {in_.data(), width_}, dx, width_);
  kernels::matmul_over_rows(inner_, width_, tokens, d_hidden_.data(), inner_, x, width_,
                            {d_in_.data(), accumulate}, width_);
}

void DenseLayer::run(std::int64_t tokens, const float* x, float* y) {
  for (std::int64_t first = 0; first < tokens; first += kForwardBatch) {
    const std::int64_t count = std::min(kForwardBatch, tokens - first);
    forward(count, x + first * width_, false, y + first * width_);
  }
}

void DenseLayer::run(std::int64_t tokens, const float* x, float* y, const float* dy, float* dx) {
  for (std::int64_t first = 0; first < tokens; first += kMicroBatch) {
    const std::int64_t count = std::min(kMicroBatch, tokens - first);
    const std::int64_t at = first * width_;
    forward(count, x + at, true, y + at);
    backward(count, x + at, dy + at, first > 0, dx + at);
  }
}

}  // namespace espalier::bench
