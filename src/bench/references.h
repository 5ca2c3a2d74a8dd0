// What a layer's time is held against: the machine's matrix product and memory, and the dense layer.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/tensor/tensor.h"

namespace espalier::bench {

// Normal draws of standard deviation `std`, a function of (seed, name) alone.
Tensor random_normal(const Shape& shape, float std, std::uint64_t seed, const std::string& name);

// oneDNN's matrix product of a size that it does best.
class GemmPeak {
 public:
  static constexpr std::int64_t kSize = 2048;
  GemmPeak();
  // One product, in GFLOP/s.
  double measure();

 private:
  Tensor a_, b_, c_;
};

// More than every cache holds.
std::int64_t memory_buffer_bytes(std::int64_t l3_kb);
// Reads `bytes` of memory with all threads; GB/s.
double read_bandwidth(std::int64_t bytes);

// linear [inner, width], GELU, linear [width, inner] without biases, in micro-batches that bound its memory.
class DenseLayer {
 public:
  static constexpr std::int64_t kMicroBatch = 4096;
  // Without gradients; with 1024 the layer is 5 % slower.
  static constexpr std::int64_t kForwardBatch = 2048;
  DenseLayer(std::int64_t width, std::int64_t inner, std::uint64_t seed);

  std::int64_t inner() const { return inner_; }
  // Floating-point operations of a token's products.
  double flops_per_token(bool backward) const;
  // y [tokens, width] from x; with `dy`, the gradients too: dx, and of both weights.
  void run(std::int64_t tokens, const float* x, float* y);
  void run(std::int64_t tokens, const float* x, float* y, const float* dy, float* dx);

 private:
  // keep: both layers of values, for the gradients; else GELU overwrites what it reads.
  void forward(std::int64_t tokens, const float* x, bool keep, float* y);
  void backward(std::int64_t tokens, const float* x, const float* dy, bool accumulate, float* dx);
  // The second weight's rows begin at cache lines, but not a power of two apart: with 4095 or 4096 floats a
  // row the layer reaches 84 to 90 % of the speed of a large product, with 4112 it reaches 93 to 96 %.
  std::int64_t width_, inner_, out_stride_;
  Tensor in_, out_;                 // [inner, width], [width, out_stride]
  Tensor d_in_, d_out_;             // their gradients, made on first use
  Tensor pre_, hidden_, d_hidden_;  // [micro-batch, inner]
};

}  // namespace espalier::bench
