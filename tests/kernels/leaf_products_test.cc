#include "kernels/tree/leaf_products.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

const std::vector<std::int64_t> kLeafWidths = {1, 7, 16, 33, 97, 128, 200};
const std::vector<std::int64_t> kLeafUnits = {1, 3, 4, 6, 16};
const std::vector<std::int64_t> kCounts = {0, 1, 3, 4, 9};
// Which vectors take part: out of order, some twice.
const std::vector<std::int32_t> kTakingPart = {5, 0, 11, 5, 7, 2, 9, 1, 3};
constexpr std::int64_t kVectors = 12;

double at(const Tensor& tensor, std::int64_t i) {
  return static_cast<double>(tensor.data()[i]);
}

void check_close(const Tensor& got, const std::vector<double>& expected) {
  CHECK(testing::max_relative_error(got.span(), std::span<const double>(expected)) < 8e-6);
}

template <class Body>
void for_each_size(const Body& body) {
  testing::for_each_target([&](std::int64_t) {
    for (const std::int64_t width : kLeafWidths) {
      for (const std::int64_t units : kLeafUnits) {
        for (const std::int64_t count : kCounts) {
          INFO("width " << width << ", units " << units << ", count " << count);
          body(count, units, width);
        }
      }
    }
  });
}

}  // namespace

TEST_CASE("dots of gathered vectors with a leaf's rows; a vector's are the same alone") {
  for_each_size([](std::int64_t count, std::int64_t units, std::int64_t width) {
    const Tensor vectors = random_tensor({kVectors, width + 2}, 1);
    const Tensor rows = random_tensor({units, width}, 2);
    Tensor out = Tensor::zeros({count, units});
    gathered_dots(count, {vectors.data(), width + 2, kTakingPart.data()}, width, units, rows.data(),
                  out.data());
    std::vector<double> expected;
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t u = 0; u < units; ++u) {
        double sum = 0;
        for (std::int64_t c = 0; c < width; ++c) {
          sum += at(vectors, kTakingPart[static_cast<std::size_t>(i)] * (width + 2) + c) *
                 at(rows, u * width + c);
        }
        expected.push_back(sum);
      }
      Tensor alone = Tensor::zeros({units});
      gathered_dots(1, {vectors.data(), width + 2, kTakingPart.data() + i}, width, units, rows.data(),
                    alone.data());
      CHECK(alone.to_vector() == out.slice_rows(i, i + 1).to_vector());
    }
    check_close(out, expected);
  });
}

TEST_CASE(
    "weighted sums of a leaf's rows, with and without a last row, in place or scattered, written or added") {
  for_each_size([](std::int64_t count, std::int64_t units, std::int64_t width) {
    const std::vector<std::int32_t> to = {4, 0, 2, 7, 8, 3, 1, 6, 5};
    const Tensor rows = random_tensor({units, width}, 1);
    const Tensor coefficients = random_tensor({count, units}, 2);
    const Tensor last = random_tensor({width}, 3);
    const Tensor weight = random_tensor({count}, 4);
    const Tensor start = random_tensor({9, width}, 5);
    for (const int variant : {0, 1, 2, 3}) {
      const bool accumulate = variant % 2 == 1;
      const bool scattered = variant >= 2;
      Tensor out = start.clone();
      scattered_sums(count, units, coefficients.data(), rows.data(), width,
                     scattered ? LastRow{last.data(), weight.data()} : LastRow{},
                     {{out.data(), accumulate}, width, scattered ? to.data() : nullptr});
      std::vector<double> expected(start.span().begin(), start.span().end());
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t row = scattered ? to[static_cast<std::size_t>(i)] : i;
        for (std::int64_t c = 0; c < width; ++c) {
          double sum = accumulate ? at(start, row * width + c) : 0;
          for (std::int64_t u = 0; u < units; ++u)
            sum += at(coefficients, i * units + u) * at(rows, u * width + c);
          if (scattered) sum += at(weight, i) * at(last, c);
          expected[static_cast<std::size_t>(row * width + c)] = sum;
        }
      }
      check_close(out, expected);
    }
  });
}

TEST_CASE("outer products: sums over the vectors in their order, which may be cut anywhere") {
  for_each_size([](std::int64_t count, std::int64_t units, std::int64_t width) {
    const std::int64_t stride = width + 3;
    const Tensor vectors = random_tensor({kVectors, width}, 1);
    const Tensor coefficients = random_tensor({count, units}, 2);
    const Tensor start = random_tensor({units, stride}, 3);
    const auto products = [&](std::int64_t begin, std::int64_t end, bool accumulate, Tensor& out) {
      gathered_outer_products(end - begin, units, coefficients.data() + begin * units,
                              {vectors.data(), width, kTakingPart.data() + begin}, width,
                              {out.data(), accumulate}, stride);
    };
    for (const bool accumulate : {false, true}) {
      Tensor out = start.clone();
      products(0, count, accumulate, out);
      std::vector<double> expected(start.span().begin(), start.span().end());
      for (std::int64_t u = 0; u < units; ++u) {
        for (std::int64_t c = 0; c < width; ++c) {
          double sum = accumulate ? at(start, u * stride + c) : 0;
          for (std::int64_t i = 0; i < count; ++i) {
            sum += at(coefficients, i * units + u) *
                   at(vectors, kTakingPart[static_cast<std::size_t>(i)] * width + c);
          }
          expected[static_cast<std::size_t>(u * stride + c)] = sum;
        }
      }
      check_close(out, expected);
      Tensor parts = start.clone();
      products(0, count / 2, accumulate, parts);
      products(count / 2, count, true, parts);
      CHECK(parts.to_vector() == out.to_vector());
    }
  });
}

}  // namespace espalier::kernels
