// How finely a page is drawn.
#pragma once

#include <algorithm>
#include <cstddef>

namespace espalier::report {

// What is drawn in some number is drawn in half of it at each step, so that the page of many runs stays
// small.
struct Detail {
  std::size_t halvings = 0;

  std::size_t of(std::size_t most, std::size_t least = 1) const {
    return std::max(most >> halvings, std::min(least, most));
  }
  std::size_t coarseness() const { return std::size_t{1} << halvings; }
  // Of `count` things of which at most `shown` are shown by themselves every so-manieth is drawn.
  std::size_t every(std::size_t count, std::size_t shown) const {
    const std::size_t room = of(std::max(count, shown));
    return std::max<std::size_t>((count + room - 1) / std::max<std::size_t>(room, 1), 1);
  }
};

}  // namespace espalier::report
