// The plain twin's two loops, in double.
#pragma once

#include <cstdint>
#include <vector>

namespace espalier::bench {

inline double plain_dot(const float* a, const float* b, std::int64_t n) {
  double lanes[4] = {};
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::int64_t j = 0; j < 4; ++j) {
      lanes[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
    }
  }
  for (; i < n; ++i) lanes[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// to += factor * row
inline void add_plain_row(double factor, const float* row, std::vector<double>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * static_cast<double>(row[i]);
}

}  // namespace espalier::bench
