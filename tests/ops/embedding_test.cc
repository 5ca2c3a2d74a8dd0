#include "espalier/ops/embedding.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

IntTensor random_ids(const Shape& shape, std::int32_t vocabulary, std::uint64_t seed) {
  const Philox random(seed, RandomStream::kTest);
  IntTensor ids = IntTensor::empty(shape);
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    ids.data()[i] = static_cast<std::int32_t>(
        random.below(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(vocabulary)));
  }
  return ids;
}

Doubles plain_embedding(const IntTensor& ids, const Doubles& table, std::size_t width) {
  Doubles y;
  for (const std::int32_t id : ids.span()) {
    const auto row = table.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(id) * width);
    y.insert(y.end(), row, row + static_cast<std::ptrdiff_t>(width));
  }
  return y;
}

}  // namespace

TEST_CASE("embedding equals its plain twin, value and gradient") {
  for (const Shape& shape : {Shape{5}, Shape{2, 3}, Shape{40, 7}, Shape{1, 1}}) {
    const IntTensor ids = random_ids(shape, 9, 7);
    testing::check_op([&](std::span<const Variable> in) { return embedding(ids, in[0]); },
                      [&](std::span<const Doubles> in) { return plain_embedding(ids, in[0], 6); },
                      {random_tensor({9, 6}, 1)});
  }
}

TEST_CASE("embedding adds a frequent id's tokens once each, in order") {
  // 1000 tokens of two ids: both runs span many tasks.
  IntTensor ids = IntTensor::empty({1000});
  for (std::int64_t i = 0; i < 1000; ++i) ids.data()[i] = i % 10 == 3 ? 2 : 4;
  const Variable table(random_tensor({6, 5}, 1), true);
  const Tensor dy = random_tensor({1000, 5}, 2);
  backward(embedding(ids, table), dy);
  std::vector<float> expected(30, 0.0F);
  for (std::int64_t i = 0; i < 1000; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      expected[static_cast<std::size_t>(ids.data()[i] * 5 + j)] += dy.data()[i * 5 + j];
    }
  }
  CHECK(table.grad().to_vector() == expected);
}

TEST_CASE("embedding leaves the gradient of ids that do not occur unwritten, unless it adds to one") {
  const Variable table(random_tensor({5, 2}, 1), true);
  const IntTensor ids = IntTensor::from({4}, {3, 1, 3, 0});
  backward(embedding(ids, table, 0), Tensor::full({4, 2}, 1.0F));
  REQUIRE(table.unwritten_rows() != nullptr);
  CHECK(*table.unwritten_rows() == PoolVector<char>{1, 0, 1, 0, 1});
  backward(embedding(ids, table, 0), Tensor::full({4, 2}, 1.0F));
  CHECK(table.unwritten_rows() == nullptr);
  CHECK(table.grad().to_vector() == std::vector<float>{0, 0, 2, 2, 0, 0, 4, 4, 0, 0});
}

TEST_CASE("embedding gives the padding row its value but no gradient") {
  const IntTensor ids = IntTensor::from({2, 2}, {1, 0, 2, 0});
  const Variable table(random_tensor({3, 2}, 1), true);
  const Variable y = embedding(ids, table, 0);
  CHECK(y.value().data()[2] == table.value().data()[0]);
  backward(y, Tensor::full({2, 2, 2}, 1.0F));
  CHECK(table.grad().to_vector() == std::vector<float>{0, 0, 1, 1, 1, 1});
}

TEST_CASE("embedding of no ids is empty and gives a zero gradient") {
  const Variable table(random_tensor({3, 2}, 1), true);
  const Variable y = embedding(IntTensor::empty({0, 4}), table);
  CHECK(y.shape() == Shape{0, 4, 2});
  backward(y, Tensor::empty({0, 4, 2}));
  CHECK(table.grad().to_vector() == std::vector<float>(6, 0.0F));
}

TEST_CASE("embedding names an id outside the vocabulary, its place and the vocabulary's size") {
  const Variable table(Tensor::zeros({10, 4}));
  CHECK(testing::error_of([&] {
          embedding(IntTensor::from({2, 3}, {1, 2, 3, 4, 10, 5}), table);
        }) ==
        "embedding: id 10 at position [1,1] of ids [2,3] is outside the vocabulary of 10 entries (0 to 9)");
  CHECK(testing::error_of([&] { embedding(IntTensor::from({1}, {-1}), table); }) ==
        "embedding: id -1 at position [0] of ids [1] is outside the vocabulary of 10 entries (0 to 9)");
  CHECK(testing::error_of([&] { embedding(IntTensor::from({1}, {1}), Variable(Tensor::zeros({4}))); }) ==
        "embedding: table must have 2 axes, got [4]");
}

}  // namespace espalier::ops
