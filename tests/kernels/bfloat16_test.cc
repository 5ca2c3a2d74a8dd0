// ctest-label: threads
#include "kernels/bfloat16.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "espalier/base/parallel.h"
#include "kernels/matmul.h"
#include "kernels/matmul_isa.h"
#include "tensor/half.h"
#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

std::vector<Bfloat16> rounded(const Tensor& tensor) {
  std::vector<Bfloat16> result;
  for (const float value : tensor.span()) result.push_back(bfloat16_from_float(value));
  return result;
}

Tensor widened(const Shape& shape, const std::vector<Bfloat16>& values) {
  Tensor result = Tensor::empty(shape);
  for (std::size_t i = 0; i < values.size(); ++i) result.span()[i] = float_from_bfloat16(values[i]);
  return result;
}

}  // namespace

TEST_CASE("rounding is that of the scalar conversion, for every place in a vector, and so in place") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {
      0.0F,
      -0.0F,
      1.0F,
      1.00390625F,   // a tie, to even: down
      1.01171875F,   // a tie, to even: up
      -1.00390626F,  // above a tie
      3.4e38F,       // beyond the largest: infinity
      1e-40F,
      kInfinity,
      -kInfinity,
      std::bit_cast<float>(0x7F800001U),  // a NaN that cutting off would make infinite
      std::numeric_limits<float>::quiet_NaN()};
  const Tensor random = random_tensor({101}, 1);
  values.insert(values.end(), random.span().begin(), random.span().end());
  testing::for_each_target([&](std::int64_t) {
    for (std::size_t skip = 0; skip < 20; ++skip) {
      const auto n = static_cast<std::int64_t>(values.size() - skip);
      std::vector<Bfloat16> expected;
      for (std::size_t i = skip; i < values.size(); ++i) expected.push_back(bfloat16_from_float(values[i]));
      std::vector<Bfloat16> narrow(expected.size());
      round_to_bfloat16(n, values.data() + skip, narrow.data());
      CHECK(narrow == expected);
      std::vector<float> own(values.begin() + static_cast<std::ptrdiff_t>(skip), values.end());
      round_to_bfloat16_serial(n, own.data(), reinterpret_cast<Bfloat16*>(own.data()));
      CHECK(std::memcmp(own.data(), expected.data(), 2 * expected.size()) == 0);
      std::vector<float> wide(expected.size());
      widen_bfloat16(n, narrow.data(), wide.data());
      for (std::size_t i = 0; i < wide.size(); ++i) {
        CHECK(std::bit_cast<std::uint32_t>(wide[i]) ==
              std::bit_cast<std::uint32_t>(float_from_bfloat16(expected[i])));
      }
    }
  });
}

TEST_CASE("products equal those of the rounded numbers in float32") {
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                {1, 40, 7},
                                {3, 5, 7},
                                {97, 33, 64},
                                {1100, 17, 31},
                                {5, 4, 0},
                                {0, 4, 3}}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const Shape a_shape = ta ? Shape{k, m} : Shape{m, k}, b_shape = tb ? Shape{n, k} : Shape{k, n};
        const auto a = rounded(random_tensor(a_shape, 1)), b = rounded(random_tensor(b_shape, 2));
        const Tensor wide_a = widened(a_shape, a), wide_b = widened(b_shape, b);
        Tensor c = Tensor::full({m, n}, NAN), twin = Tensor::full({m, n}, NAN);
        matmul(m, n, k, Bfloat16View{a.data(), ta ? m : k, ta}, Bfloat16View{b.data(), tb ? k : n, tb},
               c.data(), n);
        matmul(m, n, k, MatrixView{wide_a.data(), ta ? m : k, ta}, MatrixView{wide_b.data(), tb ? k : n, tb},
               twin.data(), n);
        const std::vector<double> expected(twin.span().begin(), twin.span().end());
        CHECK(testing::max_relative_error(c.span(), std::span<const double>(expected)) < 2e-6);
        matmul(m, n, k, Bfloat16View{a.data(), ta ? m : k, ta}, Bfloat16View{b.data(), tb ? k : n, tb},
               {c.data(), true}, n);
        std::vector<double> twice = expected;
        for (double& value : twice) value *= 2;
        CHECK(testing::max_relative_error(c.span(), std::span<const double>(twice)) < 4e-6);
      }
    }
  }
}

// Where the machine has no product of bfloat16, float32 stands in, whose single rows take another path.
TEST_CASE("a row of a product has the same bits at every place and among any number of rows") {
  if (!products_take_bfloat16()) return;
  // With k of 768 and more oneDNN adds to what is there block by block.
  for (const std::int64_t k : {100, 768, 3072}) {
    for (const std::int64_t n : {1, 50, 1700}) {
      const auto b = rounded(random_tensor({n, k}, 1)), row = rounded(random_tensor({1, k}, 2));
      const Tensor start = random_tensor({1, n}, 3);
      const auto product = [&](std::int64_t m, bool accumulate) {
        std::vector<Bfloat16> a;
        std::vector<float> c;
        for (std::int64_t i = 0; i < m; ++i) {
          a.insert(a.end(), row.begin(), row.end());
          c.insert(c.end(), start.span().begin(), start.span().end());
        }
        matmul(m, n, k, Bfloat16View{a.data(), k}, Bfloat16View{b.data(), k, true}, {c.data(), accumulate},
               n);
        return c;
      };
      for (const bool accumulate : {false, true}) {
        const std::vector<float> alone = product(1, accumulate);
        for (const std::int64_t m : k == 100
                                        ? std::vector<std::int64_t>{2, 15, 16, 33, 47, 48, 49, 512, 513, 1071}
                                        : std::vector<std::int64_t>{2, 33}) {
          const std::vector<float> c = product(m, accumulate);
          bool same = true;
          for (std::int64_t i = 0; i < m; ++i)
            same = same && std::equal(alone.begin(), alone.end(), c.begin() + i * n);
          INFO(m << " rows, " << n << " columns, k " << k << (accumulate ? ", added" : ""));
          CHECK(same);
        }
      }
    }
  }
}

TEST_CASE("products over rows equal those of the rounded numbers, on any number of threads") {
  constexpr std::int64_t m = 70, n = 130, rows = 1100;
  const auto a = rounded(random_tensor({rows, m}, 1)), b = rounded(random_tensor({rows, n}, 2));
  const Tensor wide_a = widened({rows, m}, a), wide_b = widened({rows, n}, b);
  std::vector<float> c(static_cast<std::size_t>(m * n)), twin = c;
  matmul_over_rows(m, n, rows, wide_a.data(), m, wide_b.data(), n, twin.data(), n);
  matmul_over_rows(m, n, rows, a.data(), m, b.data(), n, c.data(), n);
  const std::vector<double> expected(twin.begin(), twin.end());
  CHECK(testing::max_relative_error(std::span<const float>(c), std::span<const double>(expected)) < 1e-5);
  set_thread_count(3);
  std::vector<float> again = c;
  matmul_over_rows(m, n, rows, a.data(), m, b.data(), n, again.data(), n);
  CHECK(again == c);
  set_thread_count(available_cores());
}

}  // namespace espalier::kernels
