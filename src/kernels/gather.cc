#include "kernels/gather.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/grouped.h"

namespace espalier::kernels {

void gather_rows(std::int64_t width, std::int64_t count, const std::int32_t* indices, const float* x,
                 Destination y) {
  parallel_for(count, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = x + indices[i] * width;
      float* to = y.data + i * width;
      if (!y.accumulate) {
        std::copy_n(from, width, to);
      } else {
        for (std::int64_t j = 0; j < width; ++j) to[j] += from[j];
      }
    }
  });
}

void scatter_rows(std::int64_t rows, std::int64_t width, std::int64_t count, const std::int32_t* indices,
                  const float* x, Destination y) {
  Scratch<std::int64_t> order(count);
  const Scratch<std::int64_t> first = group_by_key(
      rows, count, [&](std::int64_t i) { return indices[i]; },
      [&](std::int64_t i, std::int64_t place) { order[place] = i; });
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* to = y.data + row * width;
      if (!y.accumulate) std::fill_n(to, width, 0.0F);
      for (std::int64_t k = first[row]; k < first[row + 1]; ++k) {
        const float* from = x + order[k] * width;
        for (std::int64_t j = 0; j < width; ++j) to[j] += from[j];
      }
    }
  });
}

}  // namespace espalier::kernels
