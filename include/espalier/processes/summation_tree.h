// The order in which the parts of a sum are added, whoever computes them: a fixed binary tree over the parts'
// numbers. Floating-point sums depend on their order; with this one they depend on the number of parts alone,
// not on how many processes share them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace espalier::processes {

// Numbers begin .. end - 1.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

// What process `number` of `processes` has of `count` parts: runs as even as can be, in order; empty for some
// where there are fewer parts than processes.
Range share_of(std::int64_t count, int number, int processes);

// Whether the tree over `count` parts adds `left` and `right` to each other. A node over n > 1 parts adds the
// first k to the rest, k the largest power of two below n.
bool are_summands(const Range& left, const Range& right, std::int64_t count);

// Adds what can be added of consecutive sums (each with a `range`) in the tree over `count` parts, and leaves
// what is left: one sum where `sums` cover all. `add(left, right)` adds the right one to the left one.
template <class Sums, class Add>
void add_up(Sums& sums, std::int64_t count, const Add& add) {
  Sums done;
  done.reserve(sums.size());
  for (auto& sum : sums) {
    done.push_back(std::move(sum));
    while (done.size() > 1 && are_summands(done[done.size() - 2].range, done.back().range, count)) {
      auto& left = done[done.size() - 2];
      add(left, done.back());
      left.range.end = done.back().range.end;
      done.pop_back();
    }
  }
  sums = std::move(done);
}

// The sums that are left to whoever has these parts of `count`.
std::vector<Range> sums_of(const Range& parts, std::int64_t count);

}  // namespace espalier::processes
