// Rows of float32 as rows of bytes: symmetric int8 with a scale a row,
//
//   scale = max |x| / 127,   q = round(x * (127 / max |x|)) to nearest even,   x ~ scale * q.
//
// A row's bytes depend on that row alone, and are the same on every machine. A row whose largest value is
// below 2^-100 is zero: scale 0. One that holds NaN or infinity has no bytes (zeros) and the scale NaN, so
// that all that is made from it is NaN.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "kernels/scratch.h"

namespace espalier::kernels {

// What a row became besides its bytes.
struct QuantizedScale {
  float scale;
  std::int32_t sum;  // of the bytes; products of bytes without a sign need it
};

// Bytes of rows of `width`, `stride` apart: multiples of 64 bytes, zero beyond the width.
struct QuantizedRows {
  QuantizedRows() = default;
  // With memory for the bytes, or with bytes of this stride that are there already.
  QuantizedRows(std::int64_t rows_in, std::int64_t width_in, std::shared_ptr<std::int8_t> bytes_in = nullptr)
      : rows(rows_in),
        width(width_in),
        stride((width_in + 63) / 64 * 64),
        bytes(std::move(bytes_in)),
        scales(rows) {
    const auto size = static_cast<std::size_t>(rows * stride);
    if (bytes == nullptr) bytes = std::static_pointer_cast<std::int8_t>(pool_allocate(size));
  }

  const std::int8_t* row(std::int64_t i) const { return bytes.get() + i * stride; }

  std::int64_t rows = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;
  std::shared_ptr<std::int8_t> bytes;
  Scratch<QuantizedScale> scales;
};

// Rows [begin, end) of x, which lie `x_stride` apart, into the same rows of `to`; on the calling thread.
void quantize_rows_serial(std::int64_t begin, std::int64_t end, const float* x, std::int64_t x_stride,
                          QuantizedRows& to);

// All of them. Parallel.
QuantizedRows quantize_rows(std::int64_t rows, std::int64_t width, const float* x, std::int64_t x_stride);

// Rows that were quantised before: `bytes` [rows, width] without gaps, which are kept and not copied where
// the width is a multiple of 64, and their scales. Parallel.
QuantizedRows quantized_rows(std::int64_t rows, std::int64_t width, std::shared_ptr<std::int8_t> bytes,
                             const float* scales);
// The floats that rows of bytes stand for: [rows, width]. Parallel.
void dequantize_rows(std::int64_t rows, std::int64_t width, const std::int8_t* bytes, const float* scales,
                     float* x);

// The first row without a scale, i.e. with NaN or infinity in it, or -1.
std::int64_t first_not_finite(const QuantizedRows& rows);

}  // namespace espalier::kernels
