// The plain twin of rows of bytes: one number after the other.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "espalier/tensor/tensor.h"

namespace espalier::testing {

struct PlainRow {
  std::vector<std::int8_t> bytes;
  float scale = 0;
};

inline PlainRow plain_quantized(std::span<const float> x) {
  float most = 0;
  for (const float value : x) most = std::max(most, std::abs(value));
  PlainRow row{std::vector<std::int8_t>(x.size(), 0), 0.0F};
  if (most < std::ldexp(1.0F, -100)) return row;
  row.scale = most / 127.0F;
  const float inverse = 127.0F / most;
  for (std::size_t i = 0; i < x.size(); ++i) {
    row.bytes[i] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
  }
  return row;
}

inline std::int64_t plain_dot(const PlainRow& a, const PlainRow& b) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i) sum += a.bytes[i] * b.bytes[i];
  return sum;
}

inline std::span<const float> row_of(const Tensor& matrix, std::int64_t row) {
  const auto columns = static_cast<std::size_t>(matrix.shape().columns());
  return matrix.span().subspan(static_cast<std::size_t>(row) * columns, columns);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace espalier::testing
