#include "espalier/base/philox.h"

#include <cmath>
#include <numbers>

namespace espalier {
namespace {

struct Product {
  std::uint32_t high, low;
};

Product multiply(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  return {static_cast<std::uint32_t>(product >> 32), static_cast<std::uint32_t>(product)};
}

}  // namespace

std::array<std::uint32_t, 4> Philox::words(std::uint64_t index) const {
  const PhiloxCounter start = counter(index);
  auto [c0, c1, c2, c3] = start.counter;
  auto [k0, k1] = start.key;
  for (int round = 0; round < PhiloxCounter::kRounds; ++round) {
    const Product p0 = multiply(PhiloxCounter::kFactor0, c0);
    const Product p1 = multiply(PhiloxCounter::kFactor1, c2);
    c0 = p1.high ^ c1 ^ k0;
    c1 = p1.low;
    c2 = p0.high ^ c3 ^ k1;
    c3 = p0.low;
    k0 += PhiloxCounter::kWeyl0;
    k1 += PhiloxCounter::kWeyl1;
  }
  return {c0, c1, c2, c3};
}

float Philox::normal(std::uint64_t index) const {
  const std::array<std::uint32_t, 4> w = words(index >> 1);
  const std::size_t pair = (index & 1) * 2;
  // (0, 1], so that the logarithm is finite.
  const double u = (static_cast<double>(w[pair]) + 1.0) * 0x1p-32;
  const double v = static_cast<double>(w[pair + 1]) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

}  // namespace espalier
