#include "kernels/tree/quantized_path_sums.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/quantized_path_sums.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/tree/path_group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

struct ByteRows {
  using Element = std::int8_t;
  static constexpr int kTokens = 4;
  static constexpr int kVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
  static constexpr bool kFetches = false;
  static HWY_INLINE Vector load(const std::int8_t* from) {
    const hn::Rebind<std::int8_t, Tag> bytes;
    return hn::ConvertTo(Tag(), hn::PromoteTo(hn::RebindToSigned<Tag>(), hn::LoadU(bytes, from)));
  }
  // Rows of bytes have enough of them for a whole vector: up to a whole cache line.
  static HWY_INLINE Vector load_first(std::int64_t /*columns*/, const std::int8_t* from) {
    return load(from);
  }
  // Not fused: the same bits where there is no fused multiply-add.
  static HWY_INLINE Vector add(Vector w, Vector row, Vector sum) { return hn::Add(hn::Mul(w, row), sum); }
};

constexpr int kTokens = ByteRows::kTokens, kVectors = ByteRows::kVectors;

// With weights that hold the rows' scales.
struct Group : PathGroup<ByteRows> {
  float scaled[kTokens][kMaxLevels];
};

void fill(Group& group, const QuantizedPathSums& sums, int count, const std::int32_t* tokens,
          const std::int32_t* leaves, const float* weights) {
  group.tokens = count;
  group.find_shared(count, leaves, sums.depth);
  for (int t = 0; t < count; ++t) {
    group.out[t] = sums.out.data + tokens[t] * sums.rows.width;
    group.weights[t] = group.scaled[t];
    for (int level = 0; level <= sums.depth; ++level) {
      const std::int64_t row = sums.first + path_node(level, leaves[t], sums.depth);
      group.rows[t][level] = sums.rows.row(row);
      group.scaled[t][level] = weights[t * (sums.depth + 1) + level] * sums.rows.scales[row].scale;
    }
  }
}

void sum_paths(const QuantizedPathSums& sums, std::int64_t count, const std::int32_t* tokens,
               const std::int32_t* leaves, const float* weights) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  Group group;
  const PathGroup<ByteRows>& paths = group;
  for (std::int64_t i = 0; i < count; i += kTokens) {
    fill(group, sums, static_cast<int>(std::min<std::int64_t>(kTokens, count - i)), tokens + i, leaves + i,
         weights + i * (sums.depth + 1));
    std::int64_t c = 0;
    for (; c + kVectors * lanes <= sums.rows.width; c += kVectors * lanes)
      sum_group<kVectors>(sums, paths, c);
    for (; c + lanes <= sums.rows.width; c += lanes) sum_group<1>(sums, paths, c);
    if (c < sums.rows.width) sum_tail(sums, paths, c, sums.rows.width - c);
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
