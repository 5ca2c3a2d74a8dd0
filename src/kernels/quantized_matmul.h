// Products of int8 rows with a linear layer's weight in int8: exact integer sums, scaled afterwards.
//
//   C[i, j] = float(sum over k of x[i, k] w[j, k]) * (x_scale[i] * w_scale[j]) + bias[j]
//
// The sum is exact (k <= kMostByteProducts) and the three operations in float32 are rounded one by one, so
// that the bits are the same on every machine, for any number of threads, and depend on row i of x and row j
// of w alone.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/quantize.h"

namespace espalier::kernels {

// 127 * 127 * k stays below 2^31.
inline constexpr std::int64_t kMostByteProducts = 131072;

// A weight [outputs, inputs], quantised by output row and packed: strips of 16 rows, in which four neighbours
// of each row follow those of the row before; zero beyond the edges.
class QuantizedMatrix {
 public:
  static constexpr std::int64_t kStripRows = 16;
  static constexpr std::int64_t kQuadMultiple = 16;

  QuantizedMatrix() = default;
  // Of float32 rows that lie `stride` apart. Parallel.
  QuantizedMatrix(std::int64_t outputs, std::int64_t inputs, const float* weight, std::int64_t stride);
  explicit QuantizedMatrix(const QuantizedRows& rows);
  // Some of its rows, in any order.
  QuantizedMatrix select(std::span<const std::int32_t> rows) const;

  // The floats that a row stands for: scale * byte. [inputs]
  void dequantize_row(std::int64_t row, float* x) const;

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }
  std::int64_t strips() const { return (outputs_ + kStripRows - 1) / kStripRows; }
  // Groups of four inputs, 64 bytes of a strip each, up to whole tiles of AMX, as rows of x are.
  std::int64_t quads() const { return (inputs_ + 63) / 64 * kQuadMultiple; }
  const std::int8_t* strip(std::int64_t i) const { return packed_.data() + i * quads() * 4 * kStripRows; }
  // By output, up to a whole strip.
  const float* scales() const { return scales_.data(); }
  const std::int32_t* sums() const { return sums_.data(); }
  // The first row that holds NaN or infinity, or -1.
  std::int64_t first_not_finite() const { return first_not_finite_; }

 private:
  // Of rows to come.
  QuantizedMatrix(std::int64_t outputs, std::int64_t inputs);
  // The first four bytes of a row; the next four come a strip's rows further on.
  std::int64_t place(std::int64_t row) const {
    return (row / kStripRows * quads() * kStripRows + row % kStripRows) * 4;
  }
  // Calls row(j) for each, those beyond the edge too, in parallel.
  template <class Row>
  void for_each_row(const Row& row) const;

  std::int64_t outputs_ = 0;
  std::int64_t inputs_ = 0;
  std::int64_t first_not_finite_ = -1;
  Scratch<std::int8_t> packed_;
  Scratch<float> scales_;
  Scratch<std::int32_t> sums_;
};

// C [x.rows, w.outputs()], its rows `stride` apart; bias [w.outputs()] or null. Parallel.
void quantized_matmul(const QuantizedRows& x, const QuantizedMatrix& w, const float* bias, float* c,
                      std::int64_t stride);

}  // namespace espalier::kernels
