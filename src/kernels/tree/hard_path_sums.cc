#include "kernels/tree/hard_path_sums.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/hard_path_sums.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/tree/path_group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// Tokens that pass a block of columns before the next block's turn, so that the rows' part of the block
// stays in the first-level cache.
constexpr int kPanel = 32;

// With 32 registers four tokens share loads of rows. With 16 a token alone is faster, whose products read
// rows where they lie in the first-level cache: four tokens leave room for 2 vectors, and finding out which
// levels they share then costs as much as the sums.
struct FloatRows {
  using Element = float;
  static constexpr bool kAlone = HWY_TARGET > HWY_AVX3;
  static constexpr int kTokens = kAlone ? 1 : 4;
  static constexpr int kVectors = kAlone ? 8 : 4;
  static constexpr bool kFetches = kAlone;
  static HWY_INLINE Vector load(const float* from) { return hn::LoadU(Tag(), from); }
  static HWY_INLINE Vector load_first(std::int64_t columns, const float* from) {
    return HWY_NAMESPACE::load_first(Tag(), columns, from);
  }
  static HWY_INLINE Vector add(Vector w, Vector row, Vector sum) { return hn::MulAdd(w, row, sum); }
};

using Group = PathGroup<FloatRows>;

void fill(Group& group, const PathSums& sums, int count, const std::int32_t* tokens,
          const std::int32_t* leaves, const float* weights) {
  group.tokens = count;
  group.find_shared(count, leaves, sums.depth);
  for (int t = 0; t < count; ++t) {
    group.out[t] = sums.out.data + tokens[t] * sums.width;
    group.weights[t] = weights + t * (sums.depth + 1);
    group.fetched[t] = nullptr;
    for (int level = t == 0 ? 0 : group.shared; level <= sums.depth; ++level) {
      group.rows[t][level] = sums.source.data + path_node(level, leaves[t], sums.depth) * sums.source.stride;
    }
  }
}

void sum_paths(const PathSums& sums, std::int64_t count, const std::int32_t* tokens,
               const std::int32_t* leaves, const float* weights) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  constexpr int kTokens = FloatRows::kTokens, kVectors = FloatRows::kVectors;
  Group groups[kPanel / kTokens];
  for (std::int64_t first = 0; first < count; first += kPanel) {
    const std::int64_t end = std::min(count, first + kPanel);
    int used = 0;
    for (std::int64_t i = first; i < end; i += kTokens) {
      Group& group = groups[used++];
      fill(group, sums, static_cast<int>(std::min<std::int64_t>(kTokens, end - i)), tokens + i, leaves + i,
           weights + i * (sums.depth + 1));
      if (FloatRows::kFetches && i < sums.fetched.count) group.fetched[0] = sums.fetched.row(i);
    }
    std::int64_t c = 0;
    for (; c + kVectors * lanes <= sums.width; c += kVectors * lanes) {
      for (int g = 0; g < used; ++g) sum_group<kVectors>(sums, groups[g], c);
    }
    for (; c + lanes <= sums.width; c += lanes) {
      for (int g = 0; g < used; ++g) sum_group<1>(sums, groups[g], c);
    }
    if (c < sums.width) {
      for (int g = 0; g < used; ++g) sum_tail(sums, groups[g], c, sums.width - c);
    }
  }
}

bool fetches() {
  return FloatRows::kFetches;
}

void copy_all(std::int64_t count, std::int64_t width, RowSource from, float* to, std::int64_t stride,
              bool stream) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = from.data + i * from.stride;
    float* out = to + i * stride;
    std::int64_t c = 0;
    for (; c + lanes <= width; c += lanes) {
      if (stream) {
        hn::Stream(hn::LoadU(d, row + c), d, out + c);
      } else {
        hn::StoreU(hn::LoadU(d, row + c), d, out + c);
      }
    }
    std::copy_n(row + c, width - c, out + c);
  }
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(sum_paths);
HWY_EXPORT(copy_all);
HWY_EXPORT(fetches);

}  // namespace

void PathSums::run(std::int64_t count, const std::int32_t* tokens, const std::int32_t* leaves,
                   const float* weights) const {
  HWY_DYNAMIC_DISPATCH(sum_paths)(*this, count, tokens, leaves, weights);
}

bool path_sums_fetch() {
  return HWY_DYNAMIC_DISPATCH(fetches)();
}

void path_sums_done() {
  hwy::FlushStream();
}

void stream_rows(std::int64_t count, std::int64_t width, RowSource from, float* to, std::int64_t stride,
                 bool stream) {
  HWY_DYNAMIC_DISPATCH(copy_all)(count, width, from, to, stride, stream);
  if (stream) path_sums_done();
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
