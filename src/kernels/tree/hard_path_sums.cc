#include "kernels/tree/hard_path_sums.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/hard_path_sums.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"
#include "kernels/tree/nodes.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

constexpr int kGroup = 4;
// Vectors of columns that the sums of a group hold in registers.
constexpr int kVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
// Tokens that pass a block of columns before the next block's turn, so that the rows' part of the block
// stays in the first-level cache.
constexpr int kPanel = 32;

// A few tokens and the rows of their paths.
struct Group {
  int tokens;
  int shared;  // levels, from the root, on which all are at the same node
  const float* weights;
  float* out[kGroup];
  const float* rows[kGroup][kMaxLevels];  // shared levels: of the first token only
};

template <int kTokens, int kCount>
HWY_INLINE void sum_columns(const PathSums& sums, const Group& group, std::int64_t c) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const int levels = sums.depth + 1;
  Vector acc[kTokens][kCount];
  HWY_UNROLL(4)
  for (int t = 0; t < kTokens; ++t) {
    HWY_UNROLL(4)
    for (int v = 0; v < kCount; ++v) {
      acc[t][v] = sums.out.accumulate ? hn::LoadU(d, group.out[t] + c + v * lanes) : hn::Zero(d);
    }
  }
  int level = 0;
  for (; level < group.shared; ++level) {
    const float* row = group.rows[0][level] + c;
    Vector r[kCount];
    HWY_UNROLL(4)
    for (int v = 0; v < kCount; ++v) r[v] = hn::LoadU(d, row + v * lanes);
    HWY_UNROLL(4)
    for (int t = 0; t < kTokens; ++t) {
      const Vector w = hn::Set(d, group.weights[t * levels + level]);
      HWY_UNROLL(4)
      for (int v = 0; v < kCount; ++v) acc[t][v] = hn::MulAdd(w, r[v], acc[t][v]);
    }
  }
  for (; level < levels; ++level) {
    HWY_UNROLL(4)
    for (int t = 0; t < kTokens; ++t) {
      const float* row = group.rows[t][level] + c;
      const Vector w = hn::Set(d, group.weights[t * levels + level]);
      HWY_UNROLL(4)
      for (int v = 0; v < kCount; ++v) acc[t][v] = hn::MulAdd(w, hn::LoadU(d, row + v * lanes), acc[t][v]);
    }
  }
  HWY_UNROLL(4)
  for (int t = 0; t < kTokens; ++t) {
    HWY_UNROLL(4)
    for (int v = 0; v < kCount; ++v) {
      if (sums.stream) {
        hn::Stream(acc[t][v], d, group.out[t] + c + v * lanes);
      } else {
        hn::StoreU(acc[t][v], d, group.out[t] + c + v * lanes);
      }
    }
  }
}

// The columns after the last whole vector.
void sum_tail(const PathSums& sums, const Group& group, std::int64_t c) {
  const Tag d;
  const std::int64_t columns = sums.width - c;
  const int levels = sums.depth + 1;
  for (int t = 0; t < group.tokens; ++t) {
    Vector acc = sums.out.accumulate ? load_first(d, columns, group.out[t] + c) : hn::Zero(d);
    for (int level = 0; level < levels; ++level) {
      const float* row = group.rows[level < group.shared ? 0 : t][level] + c;
      acc = hn::MulAdd(hn::Set(d, group.weights[t * levels + level]), load_first(d, columns, row), acc);
    }
    store_first(d, columns, acc, group.out[t] + c);
  }
}

template <int kCount>
HWY_INLINE void sum_group(const PathSums& sums, const Group& group, std::int64_t c) {
  if (group.tokens == 4) sum_columns<4, kCount>(sums, group, c);
  if (group.tokens == 3) sum_columns<3, kCount>(sums, group, c);
  if (group.tokens == 2) sum_columns<2, kCount>(sums, group, c);
  if (group.tokens == 1) sum_columns<1, kCount>(sums, group, c);
}

void fill(Group& group, const PathSums& sums, int count, const std::int32_t* tokens,
          const std::int32_t* leaves, const float* weights) {
  group.tokens = count;
  group.weights = weights;
  std::uint32_t differing = 0;
  for (int t = 0; t < count; ++t) {
    differing |= static_cast<std::uint32_t>(leaves[t] ^ leaves[0]);
    group.out[t] = sums.out.data + tokens[t] * sums.width;
  }
  group.shared = sums.depth + 1 - static_cast<int>(std::bit_width(differing));
  for (int t = 0; t < count; ++t) {
    for (int level = t == 0 ? 0 : group.shared; level <= sums.depth; ++level) {
      group.rows[t][level] = sums.source.data + path_node(level, leaves[t], sums.depth) * sums.source.stride;
    }
  }
}

void sum_paths(const PathSums& sums, std::int64_t count, const std::int32_t* tokens,
               const std::int32_t* leaves, const float* weights) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  Group groups[kPanel / kGroup];
  for (std::int64_t first = 0; first < count; first += kPanel) {
    const std::int64_t end = std::min(count, first + kPanel);
    int used = 0;
    for (std::int64_t i = first; i < end; i += kGroup) {
      fill(groups[used++], sums, static_cast<int>(std::min<std::int64_t>(kGroup, end - i)), tokens + i,
           leaves + i, weights + i * (sums.depth + 1));
    }
    std::int64_t c = 0;
    for (; c + kVectors * lanes <= sums.width; c += kVectors * lanes) {
      for (int g = 0; g < used; ++g) sum_group<kVectors>(sums, groups[g], c);
    }
    for (; c + lanes <= sums.width; c += lanes) {
      for (int g = 0; g < used; ++g) sum_group<1>(sums, groups[g], c);
    }
    if (c < sums.width) {
      for (int g = 0; g < used; ++g) sum_tail(sums, groups[g], c);
    }
  }
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

}  // namespace

void PathSums::run(std::int64_t count, const std::int32_t* tokens, const std::int32_t* leaves,
                   const float* weights) const {
  HWY_DYNAMIC_DISPATCH(sum_paths)(*this, count, tokens, leaves, weights);
}

void path_sums_done() {
  hwy::FlushStream();
}

void copy_rows(std::int64_t count, std::int64_t width, RowSource from, float* to, std::int64_t stride,
               bool stream) {
  HWY_DYNAMIC_DISPATCH(copy_all)(count, width, from, to, stride, stream);
  if (stream) path_sums_done();
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
