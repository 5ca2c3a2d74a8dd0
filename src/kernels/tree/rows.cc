#include "kernels/tree/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"
#include "kernels/tree/row_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

float one_dot(std::int64_t width, const float* row, const float* x) {
  float out = 0;
  dots<1>(width, x, &row, &out);
  return out;
}

void many_dots(std::int64_t count, const std::int32_t* index, RowSource source, std::int64_t width,
               const float* x, float* out) {
  const float* rows[4];
  std::int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    for (int r = 0; r < 4; ++r) rows[r] = source.data + index[j + r] * source.stride;
    dots<4>(width, x, rows, out + j);
  }
  for (; j < count; ++j) {
    rows[0] = source.data + index[j] * source.stride;
    dots<1>(width, x, rows, out + j);
  }
}

// Columns [c, c + kVectors vectors), kVectors <= 6: the sums stay in registers while the rows pass by.
template <int kVectors>
HWY_INLINE void sum_block(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
                          bool accumulate, std::int64_t c, float* out) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto add = [&](int v, Vector w, const float* row, Vector& sum) HWY_ATTR {
    if (v < kVectors) sum = hn::MulAdd(w, hn::LoadU(d, row + v * lanes), sum);
  };
  const auto store = [&](int v, Vector sum) HWY_ATTR {
    if (v < kVectors) hn::StoreU(sum, d, out + c + v * lanes);
  };
  const auto start = [&](int v) HWY_ATTR {
    return accumulate && v < kVectors ? hn::LoadU(d, out + c + v * lanes) : hn::Zero(d);
  };
  Vector s0 = start(0), s1 = start(1), s2 = start(2), s3 = start(3), s4 = start(4), s5 = start(5);
  for (std::int64_t j = 0; j < count; ++j) {
    const float* row = source.data + index[j] * source.stride + c;
    const Vector w = hn::Set(d, weights.data[j * weights.stride]);
    add(0, w, row, s0);
    add(1, w, row, s1);
    add(2, w, row, s2);
    add(3, w, row, s3);
    add(4, w, row, s4);
    add(5, w, row, s5);
  }
  store(0, s0);
  store(1, s1);
  store(2, s2);
  store(3, s3);
  store(4, s4);
  store(5, s5);
}

// The last `columns`, less than a vector, from c on.
HWY_INLINE void sum_tail(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
                         bool accumulate, std::int64_t c, std::int64_t columns, float* out) {
  const Tag d;
  Vector sum = accumulate ? load_first(d, columns, out + c) : hn::Zero(d);
  for (std::int64_t j = 0; j < count; ++j) {
    const Vector w = hn::Set(d, weights.data[j * weights.stride]);
    sum = hn::MulAdd(w, load_first(d, columns, source.data + index[j] * source.stride + c), sum);
  }
  store_first(d, columns, sum, out + c);
}

void sum_rows(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
              std::int64_t width, bool accumulate, float* out) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  std::int64_t c = 0;
  for (; c + 6 * lanes <= width; c += 6 * lanes) {
    sum_block<6>(count, index, weights, source, accumulate, c, out);
  }
  const std::int64_t left = (width - c) / lanes;
  if (left == 1) sum_block<1>(count, index, weights, source, accumulate, c, out);
  if (left == 2) sum_block<2>(count, index, weights, source, accumulate, c, out);
  if (left == 3) sum_block<3>(count, index, weights, source, accumulate, c, out);
  if (left == 4) sum_block<4>(count, index, weights, source, accumulate, c, out);
  if (left == 5) sum_block<5>(count, index, weights, source, accumulate, c, out);
  c += left * lanes;
  if (c < width) sum_tail(count, index, weights, source, accumulate, c, width - c, out);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(one_dot);
HWY_EXPORT(many_dots);
HWY_EXPORT(sum_rows);

}  // namespace

float row_dot(std::int64_t width, const float* row, const float* x) {
  return HWY_DYNAMIC_DISPATCH(one_dot)(width, row, x);
}

void row_dots(std::int64_t count, const std::int32_t* index, RowSource source, std::int64_t width,
              const float* x, float* out) {
  HWY_DYNAMIC_DISPATCH(many_dots)(count, index, source, width, x, out);
}

void weighted_row_sum(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
                      std::int64_t width, Destination out) {
  if (count == 0 && out.accumulate) return;
  HWY_DYNAMIC_DISPATCH(sum_rows)(count, index, weights, source, width, out.accumulate, out.data);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
