#include "kernels/tree/rows.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

const std::vector<std::int64_t> kRowWidths = {1, 3, 8, 16, 17, 31, 33, 96, 97, 192, 200, 769};
// Rows with a stride beyond the width, some chosen twice.
constexpr std::int64_t kRows = 11;
constexpr std::int64_t kGap = 5;
const std::vector<std::int32_t> kChosenRows = {3, 0, 10, 3, 7, 5, 1, 9, 2};

}  // namespace

static void check_products() {
  for (const std::int64_t width : kRowWidths) {
    const Tensor rows = random_tensor({kRows, width + kGap}, 1);
    const Tensor x = random_tensor({width}, 2);
    const RowSource source{rows.data(), width + kGap};
    std::vector<float> out(kChosenRows.size());
    row_dots(static_cast<std::int64_t>(kChosenRows.size()), kChosenRows.data(), source, width, x.data(),
             out.data());
    std::vector<double> expected;
    for (std::size_t j = 0; j < kChosenRows.size(); ++j) {
      const float* row = rows.data() + kChosenRows[j] * (width + kGap);
      double sum = 0;
      for (std::int64_t i = 0; i < width; ++i)
        sum += static_cast<double>(row[i]) * static_cast<double>(x.data()[i]);
      expected.push_back(sum);
      CHECK(row_dot(width, row, x.data()) == out[j]);
      float alone = 0;
      row_dots(1, kChosenRows.data() + j, source, width, x.data(), &alone);
      CHECK(alone == out[j]);
    }
    CHECK(testing::max_relative_error(std::span<const float>(out), std::span<const double>(expected)) < 8e-6);
  }
}

static void check_sums() {
  const auto count = static_cast<std::int64_t>(kChosenRows.size());
  for (const std::int64_t width : kRowWidths) {
    const Tensor rows = random_tensor({kRows, width + kGap}, 3);
    const Tensor weights = random_tensor({count, 2}, 4);  // every second one is used
    const Tensor start = random_tensor({width}, 5);
    const RowSource source{rows.data(), width + kGap};
    for (const bool accumulate : {false, true}) {
      Tensor out = start.clone();
      weighted_row_sum(count, kChosenRows.data(), {weights.data(), 2}, source, width,
                       {out.data(), accumulate});
      std::vector<double> expected(static_cast<std::size_t>(width), 0.0);
      for (std::int64_t i = 0; i < width; ++i) {
        double& sum = expected[static_cast<std::size_t>(i)];
        sum = accumulate ? static_cast<double>(start.data()[i]) : 0.0;
        for (std::int64_t j = 0; j < count; ++j) {
          sum +=
              static_cast<double>(weights.data()[2 * j]) *
              static_cast<double>(rows.data()[kChosenRows[static_cast<std::size_t>(j)] * (width + kGap) + i]);
        }
      }
      CHECK(testing::max_relative_error(out.span(), std::span<const double>(expected)) < 8e-6);
      for (const std::int64_t cut : {std::int64_t{0}, std::int64_t{1}, std::int64_t{4}, count}) {
        Tensor parts = start.clone();
        weighted_row_sum(cut, kChosenRows.data(), {weights.data(), 2}, source, width,
                         {parts.data(), accumulate});
        weighted_row_sum(count - cut, kChosenRows.data() + cut, {weights.data() + 2 * cut, 2}, source, width,
                         {parts.data(), true});
        CHECK(parts.to_vector() == out.to_vector());
      }
    }
  }
}

TEST_CASE("products of chosen rows equal plain sums, and each is that of the row alone") {
  testing::for_each_target([](std::int64_t) { check_products(); });
}

TEST_CASE("weighted sums of chosen rows equal plain sums, overwrite or add, and may be cut anywhere") {
  testing::for_each_target([](std::int64_t) { check_sums(); });
}

}  // namespace espalier::kernels
