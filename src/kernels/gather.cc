#include "kernels/gather.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/scratch.h"

namespace espalier::kernels {
namespace {

// Positions grouped by the row they name: those of row r are order[begin(r)] .. order[end[r] - 1], ascending.
struct Grouping {
  Scratch<std::int64_t> end, order;
  std::int64_t begin(std::int64_t row) const { return row == 0 ? 0 : end[row - 1]; }

  Grouping(std::int64_t rows, std::int64_t count, const std::int32_t* indices) : end(rows), order(count) {
    std::int64_t* cursor = end.data();
    std::fill_n(cursor, rows, 0);
    for (std::int64_t i = 0; i < count; ++i) ++cursor[indices[i]];
    std::int64_t total = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t own = cursor[row];
      cursor[row] = total;
      total += own;
    }
    for (std::int64_t i = 0; i < count; ++i) order[cursor[indices[i]]++] = i;
  }
};

}  // namespace

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
  const Grouping groups(rows, count, indices);
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* to = y.data + row * width;
      if (!y.accumulate) std::fill_n(to, width, 0.0F);
      for (std::int64_t k = groups.begin(row); k < groups.end[row]; ++k) {
        const float* from = x + groups.order[k] * width;
        for (std::int64_t j = 0; j < width; ++j) to[j] += from[j];
      }
    }
  });
}

}  // namespace espalier::kernels
