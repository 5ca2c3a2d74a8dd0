#include "kernels/tree_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// Two sums a row, over even and odd vectors: enough to hide the latency of four rows' multiply-adds. A lone
// row is summed in the same order, so that its bits do not depend on its neighbours.
float one_dot(std::int64_t width, const float* row, const float* x) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector even = hn::Zero(d);
  Vector odd = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= width; i += 2 * lanes) {
    even = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, row + i), even);
    odd = hn::MulAdd(hn::LoadU(d, x + i + lanes), hn::LoadU(d, row + i + lanes), odd);
  }
  if (i + lanes <= width) {
    even = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, row + i), even);
    i += lanes;
  }
  if (i < width) odd = hn::MulAdd(load_first(d, width - i, x + i), load_first(d, width - i, row + i), odd);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

void four_dots(std::int64_t width, const float* a, const float* b, const float* c, const float* e,
               const float* x, float* out) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector a0 = hn::Zero(d), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, e0 = a0, e1 = a0;
  std::int64_t i = 0;
  for (; i + 2 * lanes <= width; i += 2 * lanes) {
    const Vector x0 = hn::LoadU(d, x + i);
    const Vector x1 = hn::LoadU(d, x + i + lanes);
    a0 = hn::MulAdd(x0, hn::LoadU(d, a + i), a0);
    a1 = hn::MulAdd(x1, hn::LoadU(d, a + i + lanes), a1);
    b0 = hn::MulAdd(x0, hn::LoadU(d, b + i), b0);
    b1 = hn::MulAdd(x1, hn::LoadU(d, b + i + lanes), b1);
    c0 = hn::MulAdd(x0, hn::LoadU(d, c + i), c0);
    c1 = hn::MulAdd(x1, hn::LoadU(d, c + i + lanes), c1);
    e0 = hn::MulAdd(x0, hn::LoadU(d, e + i), e0);
    e1 = hn::MulAdd(x1, hn::LoadU(d, e + i + lanes), e1);
  }
  if (i + lanes <= width) {
    const Vector x0 = hn::LoadU(d, x + i);
    a0 = hn::MulAdd(x0, hn::LoadU(d, a + i), a0);
    b0 = hn::MulAdd(x0, hn::LoadU(d, b + i), b0);
    c0 = hn::MulAdd(x0, hn::LoadU(d, c + i), c0);
    e0 = hn::MulAdd(x0, hn::LoadU(d, e + i), e0);
    i += lanes;
  }
  if (i < width) {
    const Vector x1 = load_first(d, width - i, x + i);
    a1 = hn::MulAdd(x1, load_first(d, width - i, a + i), a1);
    b1 = hn::MulAdd(x1, load_first(d, width - i, b + i), b1);
    c1 = hn::MulAdd(x1, load_first(d, width - i, c + i), c1);
    e1 = hn::MulAdd(x1, load_first(d, width - i, e + i), e1);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, hn::Add(a0, a1)));
  out[1] = hn::GetLane(hn::SumOfLanes(d, hn::Add(b0, b1)));
  out[2] = hn::GetLane(hn::SumOfLanes(d, hn::Add(c0, c1)));
  out[3] = hn::GetLane(hn::SumOfLanes(d, hn::Add(e0, e1)));
}

void many_dots(std::int64_t count, const std::int32_t* index, RowSource source, std::int64_t width,
               const float* x, float* out) {
  const auto row = [&](std::int64_t j) { return source.data + index[j] * source.stride; };
  std::int64_t j = 0;
  for (; j + 4 <= count; j += 4) four_dots(width, row(j), row(j + 1), row(j + 2), row(j + 3), x, out + j);
  for (; j < count; ++j) out[j] = one_dot(width, row(j), x);
}

// Columns [c, c + 6 vectors): the sums stay in registers while the rows pass by.
HWY_INLINE void sum_six(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
                        bool accumulate, std::int64_t c, float* out) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
  float* to = out + c;
  if (accumulate) {
    s0 = hn::LoadU(d, to);
    s1 = hn::LoadU(d, to + lanes);
    s2 = hn::LoadU(d, to + 2 * lanes);
    s3 = hn::LoadU(d, to + 3 * lanes);
    s4 = hn::LoadU(d, to + 4 * lanes);
    s5 = hn::LoadU(d, to + 5 * lanes);
  }
  for (std::int64_t j = 0; j < count; ++j) {
    const float* row = source.data + index[j] * source.stride + c;
    const Vector w = hn::Set(d, weights.data[j * weights.stride]);
    s0 = hn::MulAdd(w, hn::LoadU(d, row), s0);
    s1 = hn::MulAdd(w, hn::LoadU(d, row + lanes), s1);
    s2 = hn::MulAdd(w, hn::LoadU(d, row + 2 * lanes), s2);
    s3 = hn::MulAdd(w, hn::LoadU(d, row + 3 * lanes), s3);
    s4 = hn::MulAdd(w, hn::LoadU(d, row + 4 * lanes), s4);
    s5 = hn::MulAdd(w, hn::LoadU(d, row + 5 * lanes), s5);
  }
  hn::StoreU(s0, d, to);
  hn::StoreU(s1, d, to + lanes);
  hn::StoreU(s2, d, to + 2 * lanes);
  hn::StoreU(s3, d, to + 3 * lanes);
  hn::StoreU(s4, d, to + 4 * lanes);
  hn::StoreU(s5, d, to + 5 * lanes);
}

// The first `columns` (at most one vector) from c on.
HWY_INLINE void sum_one(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
                        bool accumulate, std::int64_t c, std::int64_t columns, float* out) {
  const Tag d;
  const bool whole = columns == static_cast<std::int64_t>(hn::Lanes(d));
  const auto load = [&](const float* from)
                        HWY_ATTR { return whole ? hn::LoadU(d, from) : load_first(d, columns, from); };
  Vector sum = accumulate ? load(out + c) : hn::Zero(d);
  for (std::int64_t j = 0; j < count; ++j) {
    const Vector w = hn::Set(d, weights.data[j * weights.stride]);
    sum = hn::MulAdd(w, load(source.data + index[j] * source.stride + c), sum);
  }
  if (whole) {
    hn::StoreU(sum, d, out + c);
  } else {
    store_first(d, columns, sum, out + c);
  }
}

void sum_rows(std::int64_t count, const std::int32_t* index, RowWeights weights, RowSource source,
              std::int64_t width, bool accumulate, float* out) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  std::int64_t c = 0;
  for (; c + 6 * lanes <= width; c += 6 * lanes) sum_six(count, index, weights, source, accumulate, c, out);
  for (; c + lanes <= width; c += lanes) {
    sum_one(count, index, weights, source, accumulate, c, lanes, out);
  }
  if (c < width) sum_one(count, index, weights, source, accumulate, c, width - c, out);
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
                      std::int64_t width, bool accumulate, float* out) {
  if (count == 0 && accumulate) return;
  HWY_DYNAMIC_DISPATCH(sum_rows)(count, index, weights, source, width, accumulate, out);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
