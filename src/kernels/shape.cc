#include "kernels/shape.h"

#include <algorithm>
#include <array>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

constexpr std::size_t kMaxAxes = 6;

// The axes of y: how long each is, and how far apart its elements are in x.
struct StridedRows {
  std::size_t rank = 1;
  std::array<std::int64_t, kMaxAxes> extent{1};
  std::array<std::int64_t, kMaxAxes> stride{0};
  std::int64_t rows = 1;  // product of all extents but the last

  StridedRows(std::span<const std::int64_t> extents, std::span<const int> axes) {
    ESPALIER_CHECK(extents.size() == axes.size() && axes.size() <= kMaxAxes);
    if (axes.empty()) return;
    rank = axes.size();
    for (std::size_t j = 0; j < rank; ++j) {
      const auto axis = static_cast<std::size_t>(axes[j]);
      extent[j] = extents[axis];
      stride[j] = 1;
      for (std::size_t inner = axis + 1; inner < rank; ++inner) stride[j] *= extents[inner];
      if (j + 1 < rank) rows *= extent[j];
    }
  }

  // Where row `row` of y starts in x.
  std::int64_t offset(std::int64_t row) const {
    std::int64_t at = 0;
    for (std::size_t j = rank - 1; j-- > 0;) {
      at += row % extent[j] * stride[j];
      row /= extent[j];
    }
    return at;
  }
};

}  // namespace

void copy_rows(std::int64_t rows, std::int64_t width, const float* from, std::int64_t from_stride,
               Destination to, std::int64_t to_stride) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* source = from + row * from_stride;
      float* target = to.data + row * to_stride;
      if (!to.accumulate) {
        std::copy_n(source, width, target);
      } else {
        for (std::int64_t i = 0; i < width; ++i) target[i] += source[i];
      }
    }
  });
}

void permute(std::span<const std::int64_t> extents, std::span<const int> axes, const float* x,
             Destination y) {
  const StridedRows source(extents, axes);
  const std::int64_t width = source.extent[source.rank - 1];
  const std::int64_t step = source.stride[source.rank - 1];
  parallel_for(source.rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* from = x + source.offset(row);
      float* to = y.data + row * width;
      for (std::int64_t i = 0; i < width; ++i) to[i] = y.accumulate ? to[i] + from[i * step] : from[i * step];
    }
  });
}

}  // namespace espalier::kernels
