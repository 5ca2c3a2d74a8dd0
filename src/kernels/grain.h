// How elementwise work is cut into tasks.
#pragma once

#include <algorithm>
#include <cstdint>

namespace espalier::kernels {

// Elements a task; also the chunk in which long sums are added up, so changing it changes bits.
inline constexpr std::int64_t kElementGrain = 16384;

// Rows of `width` elements a task: about kElementGrain elements, at least one row.
inline std::int64_t row_grain(std::int64_t width) {
  return std::max<std::int64_t>(1, kElementGrain / std::max<std::int64_t>(1, width));
}

}  // namespace espalier::kernels
