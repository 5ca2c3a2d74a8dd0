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

TEST_CASE("process 0 takes less by what it joins, down to nothing, and more where it is faster") {
  const auto first_of = [](std::vector<Figures> all) {
    Portions portions(static_cast<int>(all.size()));
    portions.agree(all);
    return portions.first();
  };
  // A second a unit, and a fifth to join one: 40 + 20 seconds here, 60 there.
  CHECK(first_of({{50, 50, 100, 20}, {50, 50, 100, 0}}) == doctest::Approx(0.4));
  // 12 + 10 here, 22 in each of the others.
  std::vector<Figures> five(5, {20, 20, 100, 0});
  five[0].joining_seconds = 10;
  CHECK(first_of(five) == doctest::Approx(0.12));
  five[0].joining_seconds = 200;
  CHECK(first_of(five) == 0);
  // Half a second a unit: 60 x 0.5 here, 40 x 0.75 there.
  CHECK(first_of({{50, 25, 100, 0}, {100, 75, 100, 0}}) == doctest::Approx(0.6));
}

TEST_CASE("portions stay as they are without figures") {
  Portions two(2);
  two.agree({});
  const std::vector<Figures> nothing(2);
  two.agree(nothing);
  CHECK(two.first() == 0.5);
  const std::vector<Figures> one_has_none{{10, 5, 10, 1}, {0, 0, 10, 0}};
  two.agree(one_has_none);
  CHECK(two.first() == 0.5);
}

TEST_CASE("one process keeps everything, whatever it measures") {
  Portions one(1);
  const std::vector<Figures> figures{{10, 1, 10, 100}};
  one.agree(figures);
  CHECK(units_by_owner(one, 1, 7) == std::vector<int>{7});
}

}  // namespace espalier::processes
