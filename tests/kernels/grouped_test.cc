#include "kernels/grouped.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace espalier::kernels {
namespace {

using Indices = std::vector<std::int64_t>;

struct Groups {
  Indices begin;
  Indices order;   // the index at each place, -1 where none is
  Indices placed;  // the indices that got one, as they came
};

Groups grouped(std::int64_t groups, const std::vector<std::int32_t>& keys) {
  const auto count = static_cast<std::int64_t>(keys.size());
  Groups result;
  result.order.assign(keys.size(), -1);
  const Scratch<std::int64_t> begin = group_by_key(
      groups, count, [&](std::int64_t i) { return keys[static_cast<std::size_t>(i)]; },
      [&](std::int64_t i, std::int64_t place) {
        result.order[static_cast<std::size_t>(place)] = i;
        result.placed.push_back(i);
      });
  REQUIRE(begin.size() == groups + 1);
  result.begin.assign(begin.data(), begin.data() + begin.size());
  return result;
}

}  // namespace

TEST_CASE("places go by key and, within a key, by index") {
  const Groups groups = grouped(5, {3, 1, 3, 0, 1, 3});
  CHECK(groups.begin == Indices{0, 1, 3, 3, 6, 6});
  CHECK(groups.order == Indices{3, 1, 4, 0, 2, 5});
  CHECK(groups.placed == Indices{0, 1, 2, 3, 4, 5});
}

TEST_CASE("an index of a negative key gets no place") {
  const Groups groups = grouped(3, {-1, 2, 0, -1, 2, -7, 0});
  CHECK(groups.begin == Indices{0, 2, 2, 4});
  CHECK(groups.order == Indices{2, 6, 1, 4, -1, -1, -1});
  CHECK(groups.placed == Indices{1, 2, 4, 6});
  CHECK(grouped(2, {-1, -1}).begin == Indices{0, 0, 0});
}

TEST_CASE("no groups, no indices") {
  CHECK(grouped(0, {}).begin == Indices{0});
  CHECK(grouped(0, {-1}).begin == Indices{0});
  CHECK(grouped(3, {}).begin == Indices{0, 0, 0, 0});
}

TEST_CASE("one group has all in their order") {
  const Groups groups = grouped(1, {0, 0, -1, 0});
  CHECK(groups.begin == Indices{0, 3});
  CHECK(groups.order == Indices{0, 1, 3, -1});
}

}  // namespace espalier::kernels
