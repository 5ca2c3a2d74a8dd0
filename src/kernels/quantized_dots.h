// Inner products of a row of bytes with a few others, exact.
#pragma once

#include <cstdint>

#include "kernels/quantize.h"

namespace espalier::kernels {

// out[i] = sum of row[j] * others[i][j], i < count <= 4, j < bytes, which is a multiple of 64; sums[i]: of
// the bytes of others[i].
using QuantizedDots = void (*)(std::int64_t bytes, const std::int8_t* row, int count,
                               const std::int8_t* const* others, const std::int32_t* sums, std::int32_t* out);

// The best of this machine; a caller takes it once for many calls.
QuantizedDots quantized_dots();

}  // namespace espalier::kernels
