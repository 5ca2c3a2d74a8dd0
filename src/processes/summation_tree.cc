#include "espalier/processes/summation_tree.h"

#include <bit>

namespace espalier::processes {

Range share_of(std::int64_t count, int number, int processes) {
  return {count * number / processes, count * (number + 1) / processes};
}

bool are_summands(const Range& left, const Range& right, std::int64_t count) {
  Range node{0, count};
  while (node.size() > 1) {
    const auto first = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(node.size() - 1)));
    const std::int64_t cut = node.begin + first;
    if (left == Range{node.begin, cut} && right == Range{cut, node.end}) return true;
    if (right.end <= cut) {
      node.end = cut;
    } else if (left.begin >= cut) {
      node.begin = cut;
    } else {
      return false;
    }
  }
  return false;
}

std::vector<Range> sums_of(const Range& parts, std::int64_t count) {
  struct Sum {
    Range range;
  };
  std::vector<Sum> sums;
  for (std::int64_t part = parts.begin; part < parts.end; ++part) sums.push_back({{part, part + 1}});
  add_up(sums, count, [](const Sum&, const Sum&) {});
  std::vector<Range> ranges;
  for (const Sum& sum : sums) ranges.push_back(sum.range);
  return ranges;
}

}  // namespace espalier::processes
