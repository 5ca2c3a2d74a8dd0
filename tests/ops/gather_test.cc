#include "espalier/ops/gather.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

Doubles plain_gather(const Doubles& x, std::size_t width, const IntTensor& indices) {
  Doubles out;
  for (const std::int32_t index : indices.span()) {
    for (std::size_t j = 0; j < width; ++j) out.push_back(x[static_cast<std::size_t>(index) * width + j]);
  }
  return out;
}

Doubles plain_scatter(const Doubles& x, std::size_t width, const IntTensor& indices, std::size_t rows) {
  Doubles out(rows * width, 0.0);
  for (std::size_t i = 0; i < indices.span().size(); ++i) {
    const auto row = static_cast<std::size_t>(indices.span()[i]);
    for (std::size_t j = 0; j < width; ++j) out[row * width + j] += x[i * width + j];
  }
  return out;
}

}  // namespace

TEST_CASE("gather_rows: repeated, missing and unordered indices of any shape") {
  const struct {
    Shape x;
    std::size_t width;
    IntTensor indices;
    Shape result;
  } cases[] = {
      {{4, 3}, 3, IntTensor::from({5}, {2, 0, 2, 2, 1}), {5, 3}},
      {{3, 2, 2}, 4, IntTensor::from({2, 2}, {1, 1, 0, 2}), {2, 2, 2, 2}},
      {{5}, 1, IntTensor::from({3}, {4, 0, 4}), {3}},
      {{5, 2}, 2, IntTensor::from({}, {3}), {2}},
      {{4, 3}, 3, IntTensor::zeros({0}), {0, 3}},
      {{4, 0}, 0, IntTensor::zeros({2}), {2, 0}},
  };
  for (const auto& c : cases) {
    const auto op = [&](std::span<const Variable> in) { return gather_rows(in[0], c.indices); };
    const auto twin = [&](std::span<const Doubles> in) { return plain_gather(in[0], c.width, c.indices); };
    CHECK(gather_rows(Variable(Tensor::zeros(c.x)), c.indices).shape() == c.result);
    testing::full_check(op, twin, {random_tensor(c.x, 1)});
  }
}

TEST_CASE("scatter_rows: sums repeats, zero where nothing lands") {
  const struct {
    Shape x;
    std::size_t width;
    IntTensor indices;
    std::int64_t rows;
    Shape result;
  } cases[] = {
      {{5, 3}, 3, IntTensor::from({5}, {2, 0, 2, 2, 1}), 4, {4, 3}},
      {{2, 2, 3}, 3, IntTensor::from({2, 2}, {1, 1, 0, 5}), 6, {6, 3}},
      {{3}, 1, IntTensor::from({3}, {4, 0, 4}), 5, {5}},
      {{0, 3}, 3, IntTensor::zeros({0}), 2, {2, 3}},
      {{0, 3}, 3, IntTensor::zeros({0}), 0, {0, 3}},
  };
  for (const auto& c : cases) {
    const auto op = [&](std::span<const Variable> in) { return scatter_rows(in[0], c.indices, c.rows); };
    const auto twin = [&](std::span<const Doubles> in) {
      return plain_scatter(in[0], c.width, c.indices, static_cast<std::size_t>(c.rows));
    };
    CHECK(scatter_rows(Variable(Tensor::zeros(c.x)), c.indices, c.rows).shape() == c.result);
    testing::full_check(op, twin, {random_tensor(c.x, 1)});
  }
}

TEST_CASE("repeated rows are added in the order of the indices") {
  // 1e8 + 1 - 1e8 is 0 in this order and 1 in another.
  const Variable x(Tensor::from({3, 1}, {1e8F, 1.0F, -1e8F}));
  CHECK(scatter_rows(x, IntTensor::from({3}, {0, 0, 0}), 1).item() == 0.0F);
  const Variable y(Tensor::from({3, 1}, {1e8F, -1e8F, 1.0F}));
  CHECK(scatter_rows(y, IntTensor::from({3}, {0, 0, 0}), 1).item() == 1.0F);
}

TEST_CASE("errors name the first index out of range") {
  const Variable x(Tensor::zeros({7, 4}));
  const auto gather_error = [&](const Variable& from, const IntTensor& indices) {
    return testing::error_of([&] { gather_rows(from, indices); });
  };
  const auto scatter_error = [&](const IntTensor& indices, std::int64_t rows) {
    return testing::error_of([&] { scatter_rows(x, indices, rows); });
  };
  CHECK(gather_error(x, IntTensor::from({3}, {6, 7, -1})) ==
        "gather_rows: indices[1] is 7, but x [7,4] has rows 0 to 6");
  CHECK(gather_error(x, IntTensor::from({1}, {-1})) ==
        "gather_rows: indices[0] is -1, but x [7,4] has rows 0 to 6");
  CHECK(gather_error(Variable(Tensor::zeros({0, 4})), IntTensor::zeros({1})) ==
        "gather_rows: indices[0] is 0, but x [0,4] has no rows");
  CHECK(gather_error(Variable(Tensor::zeros({})), IntTensor::zeros({1})) ==
        "gather_rows: x must have at least 1 axis, got []");
  CHECK(gather_error(x, IntTensor()) == "gather_rows: indices must be given, got an undefined tensor");
  CHECK(gather_error(x, IntTensor::zeros({1, 1, 1, 1, 1, 1})) ==
        "gather_rows: the result would have 7 axes, at most 6 are possible");
  CHECK(scatter_error(IntTensor::zeros({6}), 3) ==
        "scatter_rows: indices must be [7] (first axes of x [7,4]), got [6]");
  CHECK(scatter_error(IntTensor::full({7}, 3), 3) ==
        "scatter_rows: indices[0] is 3, but the result [3,4] has rows 0 to 2");
  CHECK(scatter_error(IntTensor::zeros({7}), -1) == "scatter_rows: rows must lie in [0, 2^31), got -1");
}

}  // namespace espalier::ops
