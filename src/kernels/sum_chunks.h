// Long sums in double, in an order that depends on the length alone: eight interleaved lanes within a chunk
// of kElementGrain terms, chunks added one after the other.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/scratch.h"

namespace espalier::kernels {

class SumLanes {
 public:
  // For a sum that begins with term(origin).
  explicit SumLanes(std::int64_t origin) : origin_(origin) {}

  // Adds term(i), a double, for i in [begin, end) on the calling thread. Terms that are 0 may be left out.
  template <class Term>
  void add(std::int64_t begin, std::int64_t end, const Term& term) {
    std::int64_t i = begin;
    for (; i < end && (i - origin_) % 8 != 0; ++i) lanes_[(i - origin_) % 8] += term(i);
    for (; i + 8 <= end; i += 8) {
      for (std::int64_t j = 0; j < 8; ++j) lanes_[j] += term(i + j);
    }
    for (std::int64_t j = 0; i < end; ++i, ++j) lanes_[j] += term(i);
  }
  double total() const {
    return ((lanes_[0] + lanes_[1]) + (lanes_[2] + lanes_[3])) +
           ((lanes_[4] + lanes_[5]) + (lanes_[6] + lanes_[7]));
  }

 private:
  std::int64_t origin_;
  double lanes_[8] = {};
};

// Sum of term(i), a double, for i in [begin, end) on the calling thread.
template <class Term>
double sum_range(std::int64_t begin, std::int64_t end, const Term& term) {
  SumLanes lanes(begin);
  lanes.add(begin, end, term);
  return lanes.total();
}

// Sum over the chunks of [0, n) of range(begin, end), a double, in parallel.
template <class Range>
double sum_ranges(std::int64_t n, const Range& range) {
  const std::int64_t chunks = (n + kElementGrain - 1) / kElementGrain;
  Scratch<double> partial(chunks);
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    partial[begin / kElementGrain] = range(begin, end);
  });
  double total = 0;
  for (std::int64_t i = 0; i < chunks; ++i) total += partial[i];
  return total;
}

// Sum of term(i) for i in [0, n), in parallel.
template <class Term>
double sum_chunks(std::int64_t n, const Term& term) {
  return sum_ranges(n, [&](std::int64_t begin, std::int64_t end) { return sum_range(begin, end, term); });
}

}  // namespace espalier::kernels
