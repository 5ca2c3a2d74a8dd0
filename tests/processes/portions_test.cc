// What falls to which process.
#include "processes/portions.h"

#include <doctest/doctest.h>

#include <vector>

namespace espalier::processes {
namespace {

std::vector<int> units_by_owner(const Portions& portions, int processes, std::uint64_t total) {
  std::vector<int> units(static_cast<std::size_t>(processes));
  int last = 0;
  for (std::uint64_t i = 0; i < total; ++i) {
    const int owner = portions.owner(i, total);
    REQUIRE(owner >= last);
    REQUIRE(owner < processes);
    last = owner;
    ++units[static_cast<std::size_t>(owner)];
  }
  return units;
}

}  // namespace

TEST_CASE("portions are equal before anything is measured, and nothing is lost behind the end") {
  CHECK(units_by_owner(Portions(1), 1, 10) == std::vector<int>{10});
  CHECK(units_by_owner(Portions(4), 4, 400) == std::vector<int>(4, 100));
  CHECK(Portions(4).owner(500, 400) == 3);
  CHECK(Portions(1).owner(500, 400) == 0);
}

TEST_CASE("process 0 takes less by what it joins, down to nothing") {
  Portions two(2);
  two.measured(50, 50, 100, 20);                   // a second a unit, and a fifth to join one
  CHECK(two.suggested() == doctest::Approx(0.4));  // 40 + 20 seconds here, 60 there
  Portions five(5);
  five.measured(20, 20, 100, 10);
  CHECK(five.suggested() == doctest::Approx(0.12));  // 12 + 10 here, 22 in each of the others
  five.measured(20, 20, 100, 190);
  CHECK(five.suggested() == 0);
}

TEST_CASE("one process keeps everything, whatever it measures") {
  Portions one(1);
  one.measured(10, 1, 10, 100);
  one.agree();
  CHECK(units_by_owner(one, 1, 7) == std::vector<int>{7});
}

}  // namespace espalier::processes
