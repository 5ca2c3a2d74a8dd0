// ctest-label: threads
#include "kernels/quantized_matmul.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/parallel.h"
#include "kernels/amx.h"
#include "kernels/vnni.h"
#include "tests/kernels/each_target.h"
#include "tests/kernels/quantized_twin.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::plain_quantized;
using testing::PlainRow;
using testing::random_tensor;

std::vector<float> plain_product(const Tensor& x, const Tensor& w, const float* bias) {
  std::vector<float> c;
  for (std::int64_t i = 0; i < x.shape()[0]; ++i) {
    const PlainRow left = plain_quantized(testing::row_of(x, i));
    for (std::int64_t j = 0; j < w.shape()[0]; ++j) {
      const PlainRow right = plain_quantized(testing::row_of(w, j));
      const float value = static_cast<float>(testing::plain_dot(left, right)) * (left.scale * right.scale);
      c.push_back(bias == nullptr ? value : value + bias[j]);
    }
  }
  return c;
}

std::vector<float> product(const Tensor& x, const Tensor& w, const float* bias) {
  const std::int64_t m = x.shape()[0], n = w.shape()[0], k = w.shape()[1];
  Tensor c = Tensor::full({m, n}, 1e9F);
  quantized_matmul(quantize_rows(m, k, x.data(), k), QuantizedMatrix(n, k, w.data(), k), bias, c.data(), n);
  return c.to_vector();
}

// On every instruction set of this machine, without and with AVX512_VNNI and AMX, with one thread and with
// three.
void check_product(const Tensor& x, const Tensor& w, const float* bias) {
  const std::vector<float> expected = plain_product(x, w, bias);
  testing::for_each_target([&](std::int64_t /*target*/) {
    for (const int best : {0, 1, 2}) {
      allow_vnni(best >= 1);
      allow_amx(best >= 2);
      for (const int threads : {1, 3}) {
        set_thread_count(threads);
        CHECK(testing::same_bits(product(x, w, bias), expected));
      }
    }
  });
  set_thread_count(available_cores());
}

}  // namespace

TEST_CASE("bytes of a row: the largest magnitude becomes 127, halves go to the even neighbour") {
  testing::for_each_target([](std::int64_t /*target*/) {
    const Tensor x =
        Tensor::from({2, 5}, {254.0F, 1.0F, 3.0F, -5.0F, -254.0F, 0.25F, -0.5F, 0.0F, 0.1F, 0.3F});
    const QuantizedRows rows = quantize_rows(2, 5, x.data(), 5);
    CHECK(std::vector<std::int8_t>(rows.row(0), rows.row(0) + 6) ==
          std::vector<std::int8_t>{127, 0, 2, -2, -127, 0});
    CHECK(rows.scales[0].scale == 2.0F);
    CHECK(rows.scales[0].sum == 0);
    CHECK(rows.row(1)[1] == -127);
    CHECK(rows.scales[1].scale == 0.5F / 127.0F);
  });
}

TEST_CASE("rows that were quantised before are kept where they lie, if their width allows it") {
  for (const std::int64_t width : {64, 65, 128, 7}) {
    INFO(width);
    const QuantizedRows made = quantize_rows(5, width, random_tensor({5, width}, 8).data(), width);
    ByteTensor bytes = ByteTensor::empty({5, width});
    std::vector<float> scales;
    for (std::int64_t i = 0; i < 5; ++i) {
      std::copy_n(made.row(i), width, bytes.data() + i * width);
      scales.push_back(made.scales[i].scale);
    }
    const QuantizedRows again = quantized_rows(5, width, bytes.memory(), scales.data());
    CHECK((again.row(0) == bytes.data()) == (width % 64 == 0));
    CHECK(again.stride == made.stride);
    for (std::int64_t i = 0; i < 5; ++i) {
      CHECK(std::equal(again.row(i), again.row(i) + again.stride, made.row(i)));
      CHECK(again.scales[i].scale == made.scales[i].scale);
      CHECK(again.scales[i].sum == made.scales[i].sum);
    }
  }
}

TEST_CASE("rows of every width are quantized as the plain twin does") {
  testing::for_each_target([](std::int64_t /*target*/) {
    for (const std::int64_t width : {1, 3, 8, 17, 64, 100, 769}) {
      const Tensor x = random_tensor({3, width}, static_cast<std::uint64_t>(width), -3.0F, 3.0F);
      const QuantizedRows rows = quantize_rows(3, width, x.data(), width);
      for (std::int64_t i = 0; i < 3; ++i) {
        const PlainRow expected = plain_quantized(testing::row_of(x, i));
        CHECK(std::vector<std::int8_t>(rows.row(i), rows.row(i) + width) == expected.bytes);
        CHECK(rows.scales[i].scale == expected.scale);
        CHECK(std::count(rows.row(i) + width, rows.row(i) + rows.stride, 0) == rows.stride - width);
      }
    }
  });
}

TEST_CASE("rows of zeros and of nearly nothing are zero; NaN and infinity make the scale NaN") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from(
      {6, 2}, {0.0F, -0.0F, 1e-38F, -7e-31F, 1.0F, NAN, -kInfinity, 1.0F, NAN, NAN, 8e-31F, 0.0F});
  testing::for_each_target([&](std::int64_t /*target*/) {
    const QuantizedRows rows = quantize_rows(6, 2, x.data(), 2);
    for (const std::int64_t zero : {0, 1}) {
      CHECK(rows.scales[zero].scale == 0.0F);
      CHECK(rows.row(zero)[1] == 0);
    }
    for (const std::int64_t bad : {2, 3, 4}) {
      CHECK(std::isnan(rows.scales[bad].scale));
      CHECK(rows.row(bad)[0] == 0);
    }
    CHECK(rows.row(5)[0] == 127);
    CHECK(first_not_finite(rows) == 2);
  });
  CHECK(QuantizedMatrix(6, 2, x.data(), 2).first_not_finite() == 2);
  CHECK(QuantizedMatrix(2, 2, x.data(), 2).first_not_finite() == -1);
}

TEST_CASE("the product has the bits of the plain twin for every shape and instruction set") {
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                {1, 50, 768},
                                {3, 16, 7},
                                {15, 33, 64},
                                {23, 130, 101},
                                {70, 49, 200},
                                {131, 96, 40}}) {
    const Tensor x = random_tensor({m, k}, 1, -2.0F, 2.0F), w = random_tensor({n, k}, 2);
    const Tensor bias = random_tensor({n}, 3);
    check_product(x, w, nullptr);
    check_product(x, w, bias.data());
  }
}

TEST_CASE("sums of extreme bytes do not saturate") {
  const std::int64_t k = 4096;
  for (const float sign : {1.0F, -1.0F}) {
    check_product(Tensor::full({5, k}, 3.0F), Tensor::full({17, k}, 2.0F * sign), nullptr);
    CHECK(product(Tensor::full({1, k}, 127.0F), Tensor::full({1, k}, 127.0F * sign), nullptr)[0] ==
          sign * 127.0F * 127.0F * 4096.0F);
  }
}

TEST_CASE("a row's result does not depend on the other rows, which may be no numbers") {
  const std::int64_t n = 40, k = 65;
  const Tensor x = random_tensor({70, k}, 1), w = random_tensor({n, k}, 2);
  const std::vector<float> together = product(x, w, nullptr);
  Tensor others = Tensor::from(x.shape(), x.to_vector());
  others.data()[3 * k] = NAN;
  const std::vector<float> beside = product(others, w, nullptr);
  for (const std::int64_t row : {0, 2, 64, 69}) {
    const std::vector<float> alone = product(x.slice_rows(row, row + 1), w, nullptr);
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + row * n));
    CHECK(std::equal(alone.begin(), alone.end(), beside.begin() + row * n));
  }
  CHECK(std::all_of(beside.begin() + 3 * n, beside.begin() + 4 * n, [](float v) { return std::isnan(v); }));
}

TEST_CASE("without rows or outputs nothing is written") {
  const Tensor x = random_tensor({2, 3}, 1);
  float none = 5;
  quantized_matmul(quantize_rows(0, 3, x.data(), 3), QuantizedMatrix(2, 3, x.data(), 3), nullptr, &none, 2);
  quantized_matmul(quantize_rows(2, 3, x.data(), 3), QuantizedMatrix(0, 3, x.data(), 3), nullptr, &none, 0);
  CHECK(none == 5);
}

}  // namespace espalier::kernels
