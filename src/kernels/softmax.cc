#include "kernels/softmax.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

void softmax_one(std::int64_t width, const float* x, float* y) {
  if (width == 0) return;
  const RowVector highest = hn::Set(RowTag(), max_over(width, x));
  const float sum = sum_over(width, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector value = exp_or_nan(hn::Sub(access.load(x + i), highest));
    access.store(value, y + i);
    return value;
  });
  const RowVector inverse = hn::Set(RowTag(), 1.0F / sum);
  map(
      RowTag(), width, false, y, [&](RowVector v) HWY_ATTR { return hn::Mul(v, inverse); }, y);
}

void softmax_backward_one(std::int64_t width, const float* y, const float* dy, bool accumulate, float* dx) {
  const float sum = sum_over(width, [&](std::int64_t i, auto access) HWY_ATTR {
    return hn::Mul(access.load(y + i), access.load(dy + i));
  });
  const RowVector mean = hn::Set(RowTag(), sum);
  const auto chain = [&](RowVector v, RowVector g) HWY_ATTR { return hn::Mul(v, hn::Sub(g, mean)); };
  map(RowTag(), width, accumulate, dx, chain, y, dy);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(softmax_one);
HWY_EXPORT(softmax_backward_one);

}  // namespace

void softmax_row(std::int64_t width, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(softmax_one)(width, x, y);
}

void softmax_row_backward(std::int64_t width, const float* y, const float* dy, Destination dx) {
  HWY_DYNAMIC_DISPATCH(softmax_backward_one)(width, y, dy, dx.accumulate, dx.data);
}

void softmax(std::int64_t rows, std::int64_t width, const float* x, float* y) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) softmax_row(width, x + row * width, y + row * width);
  });
}

void softmax_backward(std::int64_t rows, std::int64_t width, const float* y, const float* dy,
                      Destination dx) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      softmax_row_backward(width, y + row * width, dy + row * width, dx + row * width);
    }
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
