#include "kernels/reduce.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/matmul.h"
#include "kernels/scratch.h"
#include "kernels/sum_chunks.h"

namespace espalier::kernels {
namespace {

// y[j] = sum of `rows` rows; four at a time, so that y is read and written once for four of them.
void sum_panel(std::int64_t rows, std::int64_t width, const float* x, float* y) {
  std::fill_n(y, width, 0.0F);
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* x0 = x + r * width;
    const float* x1 = x0 + width;
    const float* x2 = x1 + width;
    const float* x3 = x2 + width;
    for (std::int64_t j = 0; j < width; ++j) y[j] += (x0[j] + x1[j]) + (x2[j] + x3[j]);
  }
  for (; r < rows; ++r) {
    for (std::int64_t j = 0; j < width; ++j) y[j] += x[r * width + j];
  }
}

constexpr std::int64_t kBlock = 256;  // columns a task sums in sum_over_middle

}  // namespace

double sum(std::int64_t n, const float* x) {
  return sum_chunks(n, [x](std::int64_t i) { return static_cast<double>(x[i]); });
}

double dot(std::int64_t n, const float* a, const float* b) {
  return sum_chunks(n,
                    [a, b](std::int64_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

double squares_of_rows(std::int64_t rows, std::int64_t width, const char* zero, const float* x) {
  const auto square = [x](std::int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); };
  return sum_ranges(rows * width, [&](std::int64_t begin, std::int64_t end) {
    SumLanes lanes(begin);
    for (std::int64_t row = begin / width; row * width < end; ++row) {
      if (zero[row] == 0) lanes.add(std::max(begin, row * width), std::min(end, (row + 1) * width), square);
    }
    return lanes.total();
  });
}

void sum_over_rows(std::int64_t rows, std::int64_t width, const float* x, Destination y) {
  if (!y.accumulate) std::fill_n(y.data, width, 0.0F);
  const std::int64_t panels = (rows + kGradientRows - 1) / kGradientRows;
  Scratch<float> partial(panels * width);
  parallel_for(rows, kGradientRows, [&](std::int64_t begin, std::int64_t end) {
    sum_panel(end - begin, width, x + begin * width, partial.data() + begin / kGradientRows * width);
  });
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    const float* added = partial.data() + panel * width;
    for (std::int64_t j = 0; j < width; ++j) y.data[j] += added[j];
  }
}

void sum_over_middle(std::int64_t outer, std::int64_t count, std::int64_t inner, double factor,
                     const float* x, float* y) {
  const std::int64_t blocks = (inner + kBlock - 1) / kBlock;
  const std::int64_t grain = row_grain(count * std::min(inner, kBlock));
  parallel_for(outer * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t o = task / blocks;
      const std::int64_t first = task % blocks * kBlock;
      const std::int64_t width = std::min(kBlock, inner - first);
      double sums[kBlock] = {};
      for (std::int64_t c = 0; c < count; ++c) {
        const float* row = x + (o * count + c) * inner + first;
        for (std::int64_t i = 0; i < width; ++i) sums[i] += static_cast<double>(row[i]);
      }
      float* out = y + o * inner + first;
      for (std::int64_t i = 0; i < width; ++i) out[i] = static_cast<float>(factor * sums[i]);
    }
  });
}

void repeat_middle(std::int64_t outer, std::int64_t count, std::int64_t inner, float factor, const float* y,
                   Destination x) {
  parallel_for(outer * count, row_grain(inner), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* from = y + row / count * inner;
      float* to = x.data + row * inner;
      for (std::int64_t i = 0; i < inner; ++i) to[i] = (x.accumulate ? to[i] : 0.0F) + factor * from[i];
    }
  });
}

}  // namespace espalier::kernels
