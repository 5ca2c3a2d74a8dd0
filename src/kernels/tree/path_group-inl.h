// Sums of weighted rows along the paths of a few tokens at a time, for rows of any kind, compiled once for
// each SIMD target. A token's sum does not depend on its neighbours: level after level, from the root.
#if defined(ESPALIER_KERNELS_TREE_PATH_GROUP_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_TREE_PATH_GROUP_INL_H
#undef ESPALIER_KERNELS_TREE_PATH_GROUP_INL_H
#else
#define ESPALIER_KERNELS_TREE_PATH_GROUP_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <bit>
#include <cstdint>

#include "kernels/map-inl.h"
#include "kernels/tree/nodes.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A few tokens and the rows of their paths. Rows: what a row is made of (Element), how a vector of it is read
// (load; load_first, of the columns after the last whole vector), what is added to a sum (add), how many
// tokens make a group (kTokens, 1 or 4), how many vectors of columns its sums hold in registers (kVectors)
// and whether `fetched` is heeded (kFetches).
template <class Rows>
struct PathGroup {
  int tokens;
  int shared;  // levels, from the root, on which all are at the same node
  const float* weights[Rows::kTokens];
  float* out[Rows::kTokens];
  const typename Rows::Element* rows[Rows::kTokens][kMaxLevels];  // shared levels: of the first token only
  const float* fetched[Rows::kTokens];  // rows to bring into the second-level cache meanwhile, or null

  // `shared`, for `count` leaves of a tree.
  void find_shared(int count, const std::int32_t* leaves, int depth) {
    std::uint32_t differing = 0;
    for (int t = 0; t < count; ++t) differing |= static_cast<std::uint32_t>(leaves[t] ^ leaves[0]);
    shared = depth + 1 - static_cast<int>(std::bit_width(differing));
  }
};

// Sums: `depth`, `out` and `stream` as PathSums has them.
template <class Rows, int kTokens, int kCount, class Sums>
HWY_INLINE void sum_columns(const Sums& sums, const PathGroup<Rows>& group, std::int64_t c) {
  using Tag = hn::ScalableTag<float>;
  using Vector = hn::Vec<Tag>;
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const int levels = sums.depth + 1;
  Vector acc[kTokens][kCount];
  HWY_UNROLL(4)
  for (int t = 0; t < kTokens; ++t) {
    HWY_UNROLL(8)
    for (int v = 0; v < kCount; ++v) {
      acc[t][v] = sums.out.accumulate ? hn::LoadU(d, group.out[t] + c + v * lanes) : hn::Zero(d);
    }
    if constexpr (Rows::kFetches) {
      constexpr std::int64_t kLine = 16;
      if (group.fetched[t] == nullptr) continue;
      for (std::int64_t at = 0; at < kCount * lanes; at += kLine) {
        __builtin_prefetch(group.fetched[t] + c + at, 0, 2);
      }
    }
  }
  int level = 0;
  for (; level < group.shared; ++level) {
    const auto* row = group.rows[0][level] + c;
    Vector r[kCount];
    HWY_UNROLL(8)
    for (int v = 0; v < kCount; ++v) r[v] = Rows::load(row + v * lanes);
    HWY_UNROLL(4)
    for (int t = 0; t < kTokens; ++t) {
      const Vector w = hn::Set(d, group.weights[t][level]);
      HWY_UNROLL(8)
      for (int v = 0; v < kCount; ++v) acc[t][v] = Rows::add(w, r[v], acc[t][v]);
    }
  }
  for (; level < levels; ++level) {
    HWY_UNROLL(4)
    for (int t = 0; t < kTokens; ++t) {
      const auto* row = group.rows[t][level] + c;
      const Vector w = hn::Set(d, group.weights[t][level]);
      HWY_UNROLL(8)
      for (int v = 0; v < kCount; ++v) acc[t][v] = Rows::add(w, Rows::load(row + v * lanes), acc[t][v]);
    }
  }
  HWY_UNROLL(4)
  for (int t = 0; t < kTokens; ++t) {
    HWY_UNROLL(8)
    for (int v = 0; v < kCount; ++v) {
      if (sums.stream) {
        hn::Stream(acc[t][v], d, group.out[t] + c + v * lanes);
      } else {
        hn::StoreU(acc[t][v], d, group.out[t] + c + v * lanes);
      }
    }
  }
}

// The `columns` from `c` on, fewer than a vector.
template <class Rows, class Sums>
void sum_tail(const Sums& sums, const PathGroup<Rows>& group, std::int64_t c, std::int64_t columns) {
  const hn::ScalableTag<float> d;
  for (int t = 0; t < group.tokens; ++t) {
    auto acc = sums.out.accumulate ? load_first(d, columns, group.out[t] + c) : hn::Zero(d);
    for (int level = 0; level <= sums.depth; ++level) {
      const auto* row = group.rows[level < group.shared ? 0 : t][level] + c;
      acc = Rows::add(hn::Set(d, group.weights[t][level]), Rows::load_first(columns, row), acc);
    }
    store_first(d, columns, acc, group.out[t] + c);
  }
}

template <int kCount, class Rows, class Sums>
HWY_INLINE void sum_group(const Sums& sums, const PathGroup<Rows>& group, std::int64_t c) {
  if constexpr (Rows::kTokens > 1) {
    if (group.tokens == 4) return sum_columns<Rows, 4, kCount>(sums, group, c);
    if (group.tokens == 3) return sum_columns<Rows, 3, kCount>(sums, group, c);
    if (group.tokens == 2) return sum_columns<Rows, 2, kCount>(sums, group, c);
  }
  sum_columns<Rows, 1, kCount>(sums, group, c);
}

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
