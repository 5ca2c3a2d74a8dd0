#include "kernels/elementwise.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {

void add(std::int64_t n, const float* a, const float* b, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
  });
}

void add_row(std::int64_t rows, std::int64_t width, const float* x, const float* row, float* y) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t i = 0; i < width; ++i) y[r * width + i] = x[r * width + i] + row[i];
    }
  });
}

void repeat_row(std::int64_t rows, std::int64_t width, const float* row, float* y) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) std::copy_n(row, width, y + r * width);
  });
}

void zero_rows(std::int64_t rows, std::int64_t width, const char* chosen, float* x) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      if (chosen[r] != 0) std::fill_n(x + r * width, width, 0.0F);
    }
  });
}

void scale(std::int64_t n, float factor, const float* x, Destination y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    if (y.accumulate) {
      for (std::int64_t i = begin; i < end; ++i) y.data[i] += factor * x[i];
    } else {
      for (std::int64_t i = begin; i < end; ++i) y.data[i] = factor * x[i];
    }
  });
}

void multiply(std::int64_t n, const float* a, const float* b, Destination y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    if (y.accumulate) {
      for (std::int64_t i = begin; i < end; ++i) y.data[i] += a[i] * b[i];
    } else {
      for (std::int64_t i = begin; i < end; ++i) y.data[i] = a[i] * b[i];
    }
  });
}

}  // namespace espalier::kernels
