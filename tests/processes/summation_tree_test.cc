// The tree of a sum: the same additions, whoever has which parts.
#include "espalier/processes/summation_tree.h"

#include <doctest/doctest.h>

#include <string>

namespace espalier::processes {
namespace {

// What was added to what.
struct Text {
  Range range;
  std::string text;
};

void add(Text& left, const Text& right) {
  left.text = "(" + left.text + "+" + right.text + ")";
}

std::vector<Text> leaves(const Range& range) {
  std::vector<Text> result;
  for (std::int64_t i = range.begin; i < range.end; ++i) result.push_back({{i, i + 1}, std::to_string(i)});
  return result;
}

std::string added_by(int processes, std::int64_t count) {
  std::vector<Text> sums;
  for (int number = 0; number < processes; ++number) {
    std::vector<Text> own = leaves(share_of(count, number, processes));
    add_up(own, count, add);
    sums.insert(sums.end(), own.begin(), own.end());
  }
  add_up(sums, count, add);
  REQUIRE(sums.size() == 1);
  return sums[0].text;
}

}  // namespace

TEST_CASE("the first summand of a node is the largest power of two below its size") {
  CHECK(added_by(1, 1) == "0");
  CHECK(added_by(1, 3) == "((0+1)+2)");
  CHECK(added_by(1, 8) == "(((0+1)+(2+3))+((4+5)+(6+7)))");
  CHECK(added_by(1, 7) == "(((0+1)+(2+3))+((4+5)+6))");
  CHECK(added_by(1, 11) == "((((0+1)+(2+3))+((4+5)+(6+7)))+((8+9)+10))");
}

TEST_CASE("any number of processes makes the same additions") {
  for (std::int64_t count = 1; count <= 33; ++count) {
    const std::string alone = added_by(1, count);
    for (int processes = 2; processes <= 35; ++processes) CHECK(added_by(processes, count) == alone);
  }
}

TEST_CASE("shares cover all parts in order, as evenly as can be") {
  CHECK(share_of(8, 0, 3) == Range{0, 2});
  CHECK(share_of(8, 1, 3) == Range{2, 5});
  CHECK(share_of(8, 2, 3) == Range{5, 8});
  CHECK(share_of(2, 0, 4).size() == 0);
  CHECK(share_of(2, 3, 4) == Range{1, 2});
}

TEST_CASE("what is left to a process are whole nodes") {
  CHECK(sums_of({0, 4}, 8) == std::vector<Range>{{0, 4}});
  CHECK(sums_of({2, 5}, 8) == std::vector<Range>{{2, 4}, {4, 5}});
  CHECK(sums_of({5, 8}, 8) == std::vector<Range>{{5, 6}, {6, 8}});
  CHECK(sums_of({3, 3}, 8).empty());
}

}  // namespace espalier::processes
