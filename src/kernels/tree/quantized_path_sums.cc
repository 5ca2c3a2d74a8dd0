#include "kernels/tree/quantized_path_sums.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/quantized_path_sums.cc"
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
using ByteTag = hn::Rebind<std::int8_t, Tag>;

constexpr int kGroup = 4;
constexpr int kVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

// A few tokens and the rows of their paths.
struct Group {
  int tokens;
  int shared;  // levels, from the root, on which all are at the same node
  float weights[kGroup][kMaxLevels];
  float* out[kGroup];
  const std::int8_t* rows[kGroup][kMaxLevels];  // shared levels: of the first token only
};

HWY_INLINE Vector load(const std::int8_t* from) {
  const Tag d;
  return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<Tag>(), hn::LoadU(ByteTag(), from)));
}

// Not fused: the same bits where there is no fused multiply-add.
HWY_INLINE Vector add_product(Vector w, Vector row, Vector sum) {
  return hn::Add(hn::Mul(w, row), sum);
}

template <int kTokens, int kCount>
HWY_INLINE void sum_columns(const QuantizedPathSums& sums, const Group& group, std::int64_t c) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
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
    const std::int8_t* row = group.rows[0][level] + c;
    Vector r[kCount];
    HWY_UNROLL(4)
    for (int v = 0; v < kCount; ++v) r[v] = load(row + v * lanes);
    HWY_UNROLL(4)
    for (int t = 0; t < kTokens; ++t) {
      const Vector w = hn::Set(d, group.weights[t][level]);
      HWY_UNROLL(4)
      for (int v = 0; v < kCount; ++v) acc[t][v] = add_product(w, r[v], acc[t][v]);
    }
  }
  for (; level <= sums.depth; ++level) {
    HWY_UNROLL(4)
    for (int t = 0; t < kTokens; ++t) {
      const std::int8_t* row = group.rows[t][level] + c;
      const Vector w = hn::Set(d, group.weights[t][level]);
      HWY_UNROLL(4)
      for (int v = 0; v < kCount; ++v) acc[t][v] = add_product(w, load(row + v * lanes), acc[t][v]);
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

// The columns after the last whole vector, of which rows of bytes have enough: up to a whole cache line.
void sum_tail(const QuantizedPathSums& sums, const Group& group, std::int64_t c) {
  const Tag d;
  const std::int64_t columns = sums.rows.width - c;
  for (int t = 0; t < group.tokens; ++t) {
    Vector acc = sums.out.accumulate ? load_first(d, columns, group.out[t] + c) : hn::Zero(d);
    for (int level = 0; level <= sums.depth; ++level) {
      const std::int8_t* row = group.rows[level < group.shared ? 0 : t][level] + c;
      acc = add_product(hn::Set(d, group.weights[t][level]), load(row), acc);
    }
    store_first(d, columns, acc, group.out[t] + c);
  }
}

template <int kCount>
HWY_INLINE void sum_group(const QuantizedPathSums& sums, const Group& group, std::int64_t c) {
  if (group.tokens == 4) sum_columns<4, kCount>(sums, group, c);
  if (group.tokens == 3) sum_columns<3, kCount>(sums, group, c);
  if (group.tokens == 2) sum_columns<2, kCount>(sums, group, c);
  if (group.tokens == 1) sum_columns<1, kCount>(sums, group, c);
}

void fill(Group& group, const QuantizedPathSums& sums, int count, const std::int32_t* tokens,
          const std::int32_t* leaves, const float* weights) {
  group.tokens = count;
  std::uint32_t differing = 0;
  for (int t = 0; t < count; ++t) differing |= static_cast<std::uint32_t>(leaves[t] ^ leaves[0]);
  group.shared = sums.depth + 1 - static_cast<int>(std::bit_width(differing));
  for (int t = 0; t < count; ++t) {
    group.out[t] = sums.out.data + tokens[t] * sums.rows.width;
    for (int level = 0; level <= sums.depth; ++level) {
      const std::int64_t row = sums.first + path_node(level, leaves[t], sums.depth);
      group.rows[t][level] = sums.rows.row(row);
      group.weights[t][level] = weights[t * (sums.depth + 1) + level] * sums.rows.scales[row].scale;
    }
  }
}

void sum_paths(const QuantizedPathSums& sums, std::int64_t count, const std::int32_t* tokens,
               const std::int32_t* leaves, const float* weights) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  Group group;
  for (std::int64_t i = 0; i < count; i += kGroup) {
    fill(group, sums, static_cast<int>(std::min<std::int64_t>(kGroup, count - i)), tokens + i, leaves + i,
         weights + i * (sums.depth + 1));
    std::int64_t c = 0;
    for (; c + kVectors * lanes <= sums.rows.width; c += kVectors * lanes)
      sum_group<kVectors>(sums, group, c);
    for (; c + lanes <= sums.rows.width; c += lanes) sum_group<1>(sums, group, c);
    if (c < sums.rows.width) sum_tail(sums, group, c);
  }
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(sum_paths);

}  // namespace

void QuantizedPathSums::run(std::int64_t count, const std::int32_t* tokens, const std::int32_t* leaves,
                            const float* weights) const {
  HWY_DYNAMIC_DISPATCH(sum_paths)(*this, count, tokens, leaves, weights);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
