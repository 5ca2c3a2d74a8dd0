// ctest-label: threads
#include "kernels/matmul.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "espalier/base/parallel.h"
#include "kernels/few_rows.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

// The plain twin: three loops in double. (Of pointers: under the sanitizers, without optimisation, a call an
// element would be most of this file's time.)
std::vector<double> plain_matmul(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b) {
  const auto steps = [](const MatrixView& view) {  // from a row, and from a column, to the next
    return view.transposed ? std::pair{std::int64_t{1}, view.stride}
                           : std::pair{view.stride, std::int64_t{1}};
  };
  const auto [a_row, a_column] = steps(a);
  const auto [b_row, b_column] = steps(b);
  std::vector<double> c;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const float* x = a.data + i * a_row;
      const float* y = b.data + j * b_column;
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p) {
        sum += static_cast<double>(x[p * a_column]) * static_cast<double>(y[p * b_row]);
      }
      c.push_back(sum);
    }
  }
  return c;
}

}  // namespace

TEST_CASE("equals the plain product for every transposition and odd sizes") {
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                {3, 5, 7},
                                {97, 33, 64},
                                {300, 530, 40},
                                {1100, 17, 31},
                                {5, 4, 0},
                                {0, 4, 3}}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const Tensor a = random_tensor(ta ? Shape{k, m} : Shape{m, k}, 1);
        const Tensor b = random_tensor(tb ? Shape{n, k} : Shape{k, n}, 2);
        const MatrixView va{a.data(), ta ? m : k, ta};
        const MatrixView vb{b.data(), tb ? k : n, tb};
        Tensor c = Tensor::full({m, n}, NAN);
        matmul(m, n, k, va, vb, c.data(), n);
        std::vector<double> expected = plain_matmul(m, n, k, va, vb);
        CHECK(testing::max_relative_error(c.span(), std::span<const double>(expected)) < 2e-5);
        matmul(m, n, k, va, vb, {c.data(), true}, n);
        for (double& value : expected) value *= 2;
        CHECK(testing::max_relative_error(c.span(), std::span<const double>(expected)) < 4e-5);
      }
    }
  }
}

TEST_CASE("of few rows each has the bits that it has alone, on any number of threads") {
  constexpr std::int64_t n = 101, k = 75;
  const Tensor a = random_tensor(Shape{kFewRows, k}, 1), b = random_tensor(Shape{n, k}, 2);
  Tensor all = Tensor::empty({kFewRows - 1, n});
  matmul(kFewRows - 1, n, k, {a.data(), k}, {b.data(), k, true}, all.data(), n);
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    for (std::int64_t rows = 1; rows < kFewRows; ++rows) {
      Tensor some = Tensor::full({rows, n}, 0.5F);
      matmul(rows, n, k, {a.data() + (kFewRows - 1 - rows) * k, k}, {b.data(), k, true}, some.data(), n);
      const auto last = all.span().last(some.span().size());
      CHECK(std::equal(last.begin(), last.end(), some.span().begin()));
    }
  }
  set_thread_count(available_cores());
}

// Rows nearly a multiple of 2 kB apart, as in the layers of many models, are copied before some products.
// oneDNN's own blocks with AVX2, and tiles beside larger ones, have other remainders.
TEST_CASE("the bits of a product's row do not depend on its place") {
  constexpr std::int64_t kInputs = 100;
  for (const std::int64_t n : {192, 768}) {
    for (const std::int64_t m : {49, 64, 128, 148, 256, 385, 700, 1000, 1027, 1500, 4090}) {
      for (const bool transposed : {false, true}) {
        const Tensor row = random_tensor({kInputs}, 1);
        Tensor a = Tensor::empty({m, kInputs});
        for (std::int64_t i = 0; i < m * kInputs; ++i) {
          a.data()[i] = row.data()[transposed ? i / m : i % kInputs];
        }
        const Tensor b = random_tensor({n, kInputs}, 2);
        Tensor c = Tensor::full({m, n}, 0.5F);
        const MatrixView va{a.data(), transposed ? m : kInputs, transposed};
        matmul(m, n, kInputs, va, {b.data(), kInputs, true}, {c.data(), transposed}, n);
        std::int64_t unlike = 0;
        for (std::int64_t i = 1; i < m; ++i) {
          unlike += std::equal(c.data(), c.data() + n, c.data() + i * n) ? 0 : 1;
        }
        CAPTURE(m);
        CAPTURE(n);
        CHECK(unlike == 0);
      }
    }
  }
}

TEST_CASE("products over rows equal the plain product for every distance of rows") {
  for (const std::int64_t stride : {497, 512, 527, 1023, 1024, 1025, 1040}) {
    const std::int64_t rows = kGradientRows + 88, m = 260, n = 200;
    const Tensor a = random_tensor({rows, stride}, 5);
    const Tensor b = random_tensor({rows, stride}, 6);
    std::vector<double> expected =
        plain_matmul(m, n, rows, {a.data(), stride, true}, {b.data(), stride, false});
    Tensor c = Tensor::full({m, n}, NAN);
    matmul_over_rows(m, n, rows, a.data(), stride, b.data(), stride, c.data(), n);
    CHECK(testing::max_relative_error(c.span(), std::span<const double>(expected)) < 2e-5);
    matmul_over_rows(m, n, rows, a.data(), stride, b.data(), stride, {c.data(), true}, n);
    for (double& value : expected) value *= 2;
    CHECK(testing::max_relative_error(c.span(), std::span<const double>(expected)) < 4e-5);
  }
}

// 300 x 70 is too small for enough tasks and sums products of 512 rows; 1024 x 192 is not.
TEST_CASE("products over rows: any thread count, and micro-batches, give the same bits") {
  const std::int64_t rows = 2 * kGradientRows;
  for (const auto& [m, n] : {std::array<std::int64_t, 2>{300, 70}, {1024, 192}}) {
    const Tensor a = random_tensor({rows, m}, 3);
    const Tensor b = random_tensor({rows, n}, 4);
    const std::vector<double> expected = plain_matmul(m, n, rows, {a.data(), m, true}, {b.data(), n, false});
    Tensor whole = Tensor::full({m, n}, NAN);
    set_thread_count(1);
    matmul_over_rows(m, n, rows, a.data(), m, b.data(), n, whole.data(), n);
    CHECK(testing::max_relative_error(whole.span(), std::span<const double>(expected)) < 1e-4);
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      Tensor halves = Tensor::full({m, n}, NAN);
      for (std::int64_t first = 0; first < rows; first += kGradientRows) {
        matmul_over_rows(m, n, kGradientRows, a.data() + first * m, m, b.data() + first * n, n,
                         {halves.data(), first > 0}, n);
      }
      CHECK(halves.to_vector() == whole.to_vector());
    }
  }
  set_thread_count(available_cores());
}

}  // namespace espalier::kernels
