#include "espalier/ops/positions.h"

#include <fmt/format.h>

#include <cmath>

#include "ops/check.h"

namespace espalier::ops {
namespace {

// Each function below is computed in double and rounded once: PyTorch's float32 functions differ from that in
// a unit of the last place here and there, and from one machine to the next.
float rounded(double value) {
  return static_cast<float>(value);
}

void check_positions(const char* op, std::int64_t positions) {
  if (positions < 0) fail(op, fmt::format("positions must be at least 0, got {}", positions));
}

}  // namespace

Tensor sinusoid_table(std::int64_t positions, std::int64_t width) {
  check_positions("sinusoid_table", positions);
  if (width < 2 || width % 2 != 0) {
    fail("sinusoid_table", fmt::format("width must be even (sine and cosine alternate), got {}", width));
  }
  const float exponent = rounded(-std::log(10000.0) / static_cast<double>(width));
  Tensor table = Tensor::empty({positions, width});
  for (std::int64_t column = 0; column < width; column += 2) {
    const float frequency = rounded(std::exp(static_cast<double>(static_cast<float>(column) * exponent)));
    for (std::int64_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(static_cast<float>(position) * frequency);
      table.data()[position * width + column] = rounded(std::sin(angle));
      table.data()[position * width + column + 1] = rounded(std::cos(angle));
    }
  }
  return table;
}

RotaryTable make_rotary_table(std::int64_t positions, std::int64_t head_dim, float base) {
  check_positions("rotary", positions);
  if (head_dim < 2 || head_dim % 2 != 0) {
    fail("rotary", fmt::format("head_dim must be even (neighbours are rotated in pairs), got {}", head_dim));
  }
  if (!(base > 1.0F)) fail("rotary", fmt::format("base must be above 1, got {}", base));
  RotaryTable table{Tensor::empty({positions, head_dim / 2, 2})};
  for (std::int64_t column = 0; column < head_dim; column += 2) {
    const float exponent = static_cast<float>(column) / static_cast<float>(head_dim);
    const float power = rounded(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    const float frequency = 1.0F / power;
    for (std::int64_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(static_cast<float>(position) * frequency);
      float* pair = table.angles.data() + position * head_dim + column;
      pair[0] = rounded(std::cos(angle));
      pair[1] = rounded(std::sin(angle));
    }
  }
  return table;
}

}  // namespace espalier::ops
