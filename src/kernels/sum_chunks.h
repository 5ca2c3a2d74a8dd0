// Long sums in double, in an order that depends on the length alone: eight interleaved lanes within a chunk
// of kElementGrain terms, chunks added one after the other.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/scratch.h"

namespace espalier::kernels {

// Sum of term(i), a double, for i in [begin, end) on the calling thread.
template <class Term>
double sum_range(std::int64_t begin, std::int64_t end, const Term& term) {
  double lanes[8] = {};
  std::int64_t i = begin;
  for (; i + 8 <= end; i += 8) {
    for (std::int64_t j = 0; j < 8; ++j) lanes[j] += term(i + j);
  }
  for (std::int64_t j = 0; i < end; ++i, ++j) lanes[j] += term(i);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// Sum of term(i) for i in [0, n), in parallel.
template <class Term>
double sum_chunks(std::int64_t n, const Term& term) {
  const std::int64_t chunks = (n + kElementGrain - 1) / kElementGrain;
  Scratch<double> partial(chunks);
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    partial[begin / kElementGrain] = sum_range(begin, end, term);
  });
  double total = 0;
  for (std::int64_t i = 0; i < chunks; ++i) total += partial[i];
  return total;
}

}  // namespace espalier::kernels
