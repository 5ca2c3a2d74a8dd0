#include "espalier/ops/positions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/support.h"

namespace espalier::ops {

TEST_CASE("the sinusoid table holds sines in even and cosines in odd columns") {
  const std::int64_t width = 96;
  const Tensor table = sinusoid_table(128, width);
  double largest = 0;
  for (std::int64_t p = 0; p < 128; ++p) {
    for (std::int64_t i = 0; i < width; ++i) {
      const double frequency =
          std::pow(10000.0, -static_cast<double>(i / 2 * 2) / static_cast<double>(width));
      const double angle = static_cast<double>(p) * frequency;
      const double expected = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
      largest = testing::larger_error(largest,
                                      std::abs(static_cast<double>(table.data()[p * width + i]) - expected));
    }
  }
  CHECK(largest < 1e-5);
  CHECK(largest > 1e-7);  // float32 angles, as in the original: a table in double would be closer
}

TEST_CASE("the sinusoid table is PyTorch's but for the last place") {
  // From torch 2.13, [position, column] of the original's table of width 768.
  const Tensor table = sinusoid_table(128, 768);
  const auto at = [&](std::int64_t p, std::int64_t column) { return table.data()[p * 768 + column]; };
  CHECK(std::abs(at(1, 0) - 0.8414709568023682F) < 6.1e-8F);
  CHECK(std::abs(at(127, 0) - 0.9726300835609436F) < 6.1e-8F);
  CHECK(std::abs(at(127, 1) - 0.23235909640789032F) < 6.1e-8F);
  CHECK(std::abs(at(100, 2) - -0.23832447826862335F) < 6.1e-8F);
  CHECK(std::abs(at(127, 9) - -0.6545633673667908F) < 6.1e-8F);
  CHECK(std::abs(at(64, 300) - 0.9835212230682373F) < 6.1e-8F);
  CHECK(std::abs(at(127, 301) - -0.944014847278595F) < 6.1e-8F);
  CHECK(std::abs(at(127, 766) - 0.01300793420523405F) < 6.1e-8F);
}

TEST_CASE("the rotary table holds cosine and sine of each pair's angle") {
  const RotaryTable table = make_rotary_table(16, 6, 100.0F);
  CHECK(table.positions() == 16);
  CHECK(table.head_dim() == 6);
  for (std::int64_t p = 0; p < 16; ++p) {
    for (std::int64_t i = 0; i < 3; ++i) {
      const double angle = static_cast<double>(p) * std::pow(100.0, -static_cast<double>(2 * i) / 6.0);
      const float* pair = table.angles.data() + (p * 3 + i) * 2;
      CHECK(std::abs(static_cast<double>(pair[0]) - std::cos(angle)) < 2e-6);
      CHECK(std::abs(static_cast<double>(pair[1]) - std::sin(angle)) < 2e-6);
    }
  }
}

TEST_CASE("position tables refuse odd widths and impossible sizes") {
  CHECK(testing::error_of([] { sinusoid_table(4, 7); }) ==
        "sinusoid_table: width must be even (sine and cosine alternate), got 7");
  CHECK(testing::error_of([] { sinusoid_table(-1, 8); }) ==
        "sinusoid_table: positions must be at least 0, got -1");
  CHECK(testing::error_of([] { make_rotary_table(4, 5); }) ==
        "rotary: head_dim must be even (neighbours are rotated in pairs), got 5");
  CHECK(testing::error_of([] { make_rotary_table(4, 4, 1.0F); }) == "rotary: base must be above 1, got 1");
}

}  // namespace espalier::ops
