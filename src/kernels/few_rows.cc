#include "kernels/few_rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/few_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/tree/row_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

// A tile of sums is so many rows of A by so many of B, which with what they are made of leaves no register
// unused: 32 with AVX-512, 16 below.
constexpr int kRowsOfA = HWY_MAX_BYTES >= 64 ? 8 : 4;
constexpr int kRowsOfB = HWY_TARGET > HWY_AVX2 ? 2 : 3;

// The sums of the lanes of four vectors. Inside blocks of four lanes first, for all four vectors in one, then
// of the blocks: 13 operations, where four sums of their own take 36.
#if HWY_TARGET == HWY_SCALAR
template <class D, class V = hn::Vec<D>>
HWY_INLINE void sums_of_four(D, V a, V b, V c, V e, float* out) {
  out[0] = hn::GetLane(a);
  out[1] = hn::GetLane(b);
  out[2] = hn::GetLane(c);
  out[3] = hn::GetLane(e);
}
#else
template <class D, class V = hn::Vec<D>>
HWY_INLINE void sums_of_four(D d, V a, V b, V c, V e, float* out) {
  const hn::Repartition<double, D> pairs;
  const V ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const V ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto ab2 = hn::BitCast(pairs, ab), ce2 = hn::BitCast(pairs, ce);
  const V all = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, ab2, ce2)),
                        hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, ce2)));
  hn::StoreU(four_lanes(d, all), hn::CappedTag<float, 4>(), out);
}
#endif

// Kept in a register with AVX2, as in other tiles that use all of them. Tiles of 4 x 2 without that reached
// 38 to 60 GFLOP/s a thread, these 46 to 81 (16 to 96 rows, 384 to 768 columns).
template <class V>
HWY_INLINE V of_tile(V vector) {
  return HWY_TARGET == HWY_AVX2 ? in_register(vector) : vector;
}

// C's tile [kA,kB] at `c`; kA is 1 or a multiple of 4.
template <int kA, int kB>
HWY_INLINE void dot_tile(std::int64_t k, const float* a, std::int64_t a_stride, const float* b,
                         std::int64_t b_stride, bool accumulate, float* c, std::int64_t stride) {
  using Tag = hn::ScalableTag<float>;
  using Vector = hn::Vec<Tag>;
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector sum[kA][kB];
  for (auto& row : sum) {
    for (Vector& value : row) value = hn::Zero(d);
  }
  const auto add = [&](std::int64_t at, const auto& load) HWY_ATTR {
    Vector w[kB];
#pragma GCC unroll 4
    for (int j = 0; j < kB; ++j) {
      w[j] = of_tile(load(b + j * b_stride));
      // The rows of the next tile. What the machine fetches by itself comes too late: 3.9 ms for that text.
      __builtin_prefetch(b + (kB + j) * b_stride + at, 0, 2);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kA; ++i) {
      const Vector x = of_tile(load(a + i * a_stride));
#pragma GCC unroll 4
      for (int j = 0; j < kB; ++j) sum[i][j] = hn::MulAdd(x, w[j], sum[i][j]);
    }
  };
  std::int64_t at = 0;
  for (; at + lanes <= k; at += lanes)
    add(at, [&](const float* row) HWY_ATTR { return hn::LoadU(d, row + at); });
  if (at < k) add(at, [&](const float* row) HWY_ATTR { return load_first(d, k - at, row + at); });
#pragma GCC unroll 4
  for (int j = 0; j < kB; ++j) {
#pragma GCC unroll 8
    for (int i = 0; i < kA; i += 4) {
      // One row alone is summed as four are, for the same bits.
      constexpr int kStep = kA >= 4 ? 1 : 0;
      float values[4];
      sums_of_four(d, sum[i][j], sum[i + kStep][j], sum[i + 2 * kStep][j], sum[i + 3 * kStep][j], values);
      for (int r = 0; r < std::min(kA, 4); ++r) {
        float& out = c[(i + r) * stride + j];
        out = accumulate ? out + values[r] : values[r];
      }
    }
  }
}

// All rows of A with kB of B.
template <int kB>
void dot_rows(std::int64_t m, std::int64_t k, const float* a, std::int64_t a_stride, const float* b,
              std::int64_t b_stride, bool accumulate, float* c, std::int64_t stride) {
  std::int64_t i = 0;
  for (; i + kRowsOfA <= m; i += kRowsOfA) {
    dot_tile<kRowsOfA, kB>(k, a + i * a_stride, a_stride, b, b_stride, accumulate, c + i * stride, stride);
  }
  if (kRowsOfA > 4 && i + 4 <= m) {
    dot_tile<4, kB>(k, a + i * a_stride, a_stride, b, b_stride, accumulate, c + i * stride, stride);
    i += 4;
  }
  for (; i < m; ++i) {
    dot_tile<1, kB>(k, a + i * a_stride, a_stride, b, b_stride, accumulate, c + i * stride, stride);
  }
}

void products(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_stride,
              const float* b, std::int64_t b_stride, bool accumulate, float* c, std::int64_t stride) {
  std::int64_t j = 0;
  for (; j + kRowsOfB <= n; j += kRowsOfB) {
    dot_rows<kRowsOfB>(m, k, a, a_stride, b + j * b_stride, b_stride, accumulate, c + j, stride);
  }
  for (; j < n; ++j) dot_rows<1>(m, k, a, a_stride, b + j * b_stride, b_stride, accumulate, c + j, stride);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(products);

// Rows of B that a task computes: of 384 columns, what a core does in about 10 us with 16 rows of A.
constexpr std::int64_t kRowsATask = 48;

}  // namespace

void few_rows_matmul(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_stride,
                     const float* b, std::int64_t b_stride, Destination c, std::int64_t stride) {
  parallel_for(n, kRowsATask, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(products)
    (m, end - begin, k, a, a_stride, b + begin * b_stride, b_stride, c.accumulate, c.data + begin, stride);
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
