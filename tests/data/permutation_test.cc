#include "espalier/data/permutation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace espalier::data {
namespace {

std::vector<std::int64_t> order_of(std::uint64_t seed, std::uint64_t epoch, std::int64_t size) {
  const KeyedPermutation permutation(seed, epoch, size);
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < size; ++i) order.push_back(permutation(i));
  return order;
}

}  // namespace

TEST_CASE("every size gives each element exactly once") {
  for (const std::int64_t size :
       {1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 63, 64, 65, 100, 1000, 4097, 65537}) {
    std::vector<int> seen(static_cast<std::size_t>(size), 0);
    for (const std::int64_t element : order_of(3, 1, size)) {
      REQUIRE(element >= 0);
      REQUIRE(element < size);
      ++seen[static_cast<std::size_t>(element)];
    }
    for (const int count : seen) REQUIRE(count == 1);
  }
}

TEST_CASE("seed and epoch each give another order, the same pair the same") {
  const auto order = order_of(1, 0, 1000);
  CHECK(order == order_of(1, 0, 1000));
  CHECK(order != order_of(2, 0, 1000));
  CHECK(order != order_of(1, 1, 1000));
}

TEST_CASE("elements are spread evenly: positions and neighbours look independent") {
  // Over 4000 keys, element at position 0 of 10: chi-square with 9 degrees of freedom, 27.9 at p = 0.001.
  std::vector<double> counts(10, 0);
  std::map<std::pair<std::int64_t, std::int64_t>, double> pairs;
  const int keys = 4000;
  for (int key = 0; key < keys; ++key) {
    const KeyedPermutation permutation(static_cast<std::uint64_t>(key), 0, 10);
    ++counts[static_cast<std::size_t>(permutation(0))];
    ++pairs[{permutation(3), permutation(4)}];
  }
  double chi_square = 0;
  for (const double count : counts)
    chi_square += (count - keys / 10.0) * (count - keys / 10.0) / (keys / 10.0);
  CHECK(chi_square < 27.9);
  // 90 ordered pairs: 89 degrees of freedom, 135.98 at p = 0.001.
  CHECK(pairs.size() == 90);
  double pair_chi_square = 0;
  for (const auto& [pair, count] : pairs) {
    pair_chi_square += (count - keys / 90.0) * (count - keys / 90.0) / (keys / 90.0);
  }
  CHECK(pair_chi_square < 135.98);
}

TEST_CASE("a billion sequences need no memory") {
  const KeyedPermutation permutation(5, 2, 1'000'000'000);
  double mean = 0;
  const int draws = 20000;
  for (std::int64_t i = 0; i < draws; ++i) {
    const std::int64_t element = permutation(i);
    REQUIRE(element >= 0);
    REQUIRE(element < 1'000'000'000);
    mean += static_cast<double>(element) / draws;
  }
  CHECK(mean == doctest::Approx(5e8).epsilon(0.02));
}

}  // namespace espalier::data
