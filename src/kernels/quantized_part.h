// What a task of a product of bytes computes.
#pragma once

#include <cstdint>

#include "kernels/quantized_matmul.h"

namespace espalier::kernels {

// Rows [first_row, first_row + rows) of x by strips [first_strip, end_strip) of w.
struct QuantizedPart {
  const QuantizedRows* x;
  const QuantizedMatrix* w;
  std::int64_t first_row, rows;
  std::int64_t first_strip, end_strip;
  const float* bias;  // of the whole weight, or null
  float* c;           // of first_row
  std::int64_t stride;
};

}  // namespace espalier::kernels
