#include "kernels/amx.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "tensor/half.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

std::vector<Bfloat16> bytes_of(const Tensor& tensor) {
  std::vector<Bfloat16> result;
  for (const float value : tensor.span()) result.push_back(bfloat16_from_float(value));
  return result;
}

// The largest error over the sum of magnitudes, both in double.
double error_over_magnitude(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b,
                            const float* start, const Tensor& c) {
  double largest = 0;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = start == nullptr ? 0 : start[i * n + j], magnitude = std::abs(sum);
      for (std::int64_t p = 0; p < k; ++p) {
        const double product = static_cast<double>(float_from_bfloat16(*from(a, i, p).data)) *
                               static_cast<double>(float_from_bfloat16(*from(b, p, j).data));
        sum += product;
        magnitude += std::abs(product);
      }
      largest = testing::larger_error(largest,
                                      std::abs(static_cast<double>(c.data()[i * n + j]) - sum) / magnitude);
    }
  }
  return largest;
}

}  // namespace

// Edges of tiles, blocks along k, few rows, which are computed as the transpose, and many.
TEST_CASE("products of bfloat16 with AMX are near the exact ones, and write nothing beside C") {
  if (!use_amx()) return testing::skip_test("this machine has no AMX");
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                {16, 16, 32},
                                {32, 32, 64},
                                {33, 31, 65},
                                {7, 100, 800},
                                {255, 50, 33},
                                {300, 47, 770},
                                {257, 33, 1600}}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const auto a = bytes_of(random_tensor({m, k}, 1)), b = bytes_of(random_tensor({k, n}, 2));
        const Bfloat16View left{a.data(), ta ? m : k, ta}, right{b.data(), tb ? k : n, tb};
        INFO(m << " x " << n << " x " << k << (ta ? " T" : " N") << (tb ? "T" : "N"));
        const Tensor start = random_tensor({m, n}, 3);
        for (const bool accumulate : {false, true}) {
          Tensor wide = Tensor::full({m, n + 3}, 0.25F);
          for (std::int64_t i = 0; i < m; ++i)
            std::copy_n(start.data() + i * n, n, wide.data() + i * (n + 3));
          amx_product(m, n, k, left, right, {wide.data(), accumulate}, n + 3);
          Tensor c = Tensor::empty({m, n});
          std::int64_t touched = 0;
          for (std::int64_t i = 0; i < m; ++i) {
            std::copy_n(wide.data() + i * (n + 3), n, c.data() + i * n);
            for (std::int64_t j = n; j < n + 3; ++j) touched += wide.data()[i * (n + 3) + j] == 0.25F ? 0 : 1;
          }
          CHECK(error_over_magnitude(m, n, k, left, right, accumulate ? start.data() : nullptr, c) < 5e-7);
          CHECK(touched == 0);
        }
      }
    }
  }
}

TEST_CASE("a number that is none stays in its row") {
  if (!use_amx()) return testing::skip_test("this machine has no AMX");
  auto a = bytes_of(random_tensor({40, 70}, 1));
  const auto b = bytes_of(random_tensor({70, 20}, 2));
  a[5 * 70 + 69] = bfloat16_from_float(NAN);
  Tensor c = Tensor::full({40, 20}, 0.0F);
  amx_product(40, 20, 70, {a.data(), 70}, {b.data(), 20}, c.data(), 20);
  for (std::int64_t i = 0; i < c.size(); ++i) CHECK(std::isnan(c.data()[i]) == (i / 20 == 5));
}

}  // namespace espalier::kernels
