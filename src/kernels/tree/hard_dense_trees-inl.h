// Trees of depth 0, 1 or 2 side by side: as many as a vector has lanes, a vector for each node or for each
// level of their paths.
#if defined(ESPALIER_KERNELS_TREE_HARD_DENSE_TREES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ESPALIER_KERNELS_TREE_HARD_DENSE_TREES_INL_H
#undef ESPALIER_KERNELS_TREE_HARD_DENSE_TREES_INL_H
#else
#define ESPALIER_KERNELS_TREE_HARD_DENSE_TREES_INL_H
#endif

#include <hwy/highway.h>

#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;
using Mask = hn::Mask<Tag>;
using IndexTag = hn::RebindToSigned<Tag>;
using Index = hn::Vec<IndexTag>;

// body(0), body(1) ... body(kCount - 1), as constants.
template <int kCount, class Body, int kFirst = 0>
HWY_INLINE void each(const Body& body) {
  if constexpr (kFirst < kCount) {
    body(std::integral_constant<int, kFirst>());
    each<kCount, Body, kFirst + 1>(body);
  }
}

// Their nodes, in memory [trees, nodes] in heap order.
template <int kDepth>
struct Trees {
  static constexpr int kNodes = (2 << kDepth) - 1;
  static constexpr int kLevels = kDepth + 1;

  // Whether each tree's path turns right, by level.
  struct Turns {
    Mask at[kLevels];
  };

  Vector node[kNodes];

  static HWY_INLINE Index every_tree() {
    return hn::Mul(hn::Iota(IndexTag(), 0), hn::Set(IndexTag(), kNodes));
  }
  HWY_INLINE void load(const float* from) {
    if constexpr (kDepth == 0) {
      node[0] = hn::LoadU(Tag(), from);
    } else if constexpr (kDepth == 1) {
      hn::LoadInterleaved3(Tag(), from, node[0], node[1], node[2]);
    } else {
      each<kNodes>([&](auto i) HWY_ATTR { node[i] = hn::GatherIndex(Tag(), from + i, every_tree()); });
    }
  }
  HWY_INLINE void store(float* to) const {
    if constexpr (kDepth == 0) {
      hn::StoreU(node[0], Tag(), to);
    } else if constexpr (kDepth == 1) {
      hn::StoreInterleaved3(node[0], node[1], node[2], Tag(), to);
    } else {
      each<kNodes>([&](auto i) HWY_ATTR { hn::ScatterIndex(node[i], Tag(), to + i, every_tree()); });
    }
  }

  // The path's node of a level.
  template <int kLevel>
  HWY_INLINE Vector on(const Turns& turns) const {
    if constexpr (kLevel == 0) {
      return node[0];
    } else if constexpr (kLevel == 1) {
      return hn::IfThenElse(turns.at[0], node[2], node[1]);
    } else {
      return hn::IfThenElse(turns.at[0], hn::IfThenElse(turns.at[1], node[6], node[5]),
                            hn::IfThenElse(turns.at[1], node[4], node[3]));
    }
  }
  // Puts a value on the path's node of a level, and zero on the others.
  template <int kLevel>
  HWY_INLINE void put(const Turns& turns, Vector value) {
    if constexpr (kLevel == 0) {
      node[0] = value;
    } else if constexpr (kLevel == 1) {
      node[1] = hn::IfThenZeroElse(turns.at[0], value);
      node[2] = hn::IfThenElseZero(turns.at[0], value);
    } else {
      const Vector left = hn::IfThenZeroElse(turns.at[0], value);
      const Vector right = hn::IfThenElseZero(turns.at[0], value);
      node[3] = hn::IfThenZeroElse(turns.at[1], left);
      node[4] = hn::IfThenElseZero(turns.at[1], left);
      node[5] = hn::IfThenZeroElse(turns.at[1], right);
      node[6] = hn::IfThenElseZero(turns.at[1], right);
    }
  }
};

// Their paths, in memory [trees, levels], root first.
template <int kDepth>
struct Path {
  Vector at[kDepth + 1];

  HWY_INLINE void load(const float* from) {
    if constexpr (kDepth == 0) {
      at[0] = hn::LoadU(Tag(), from);
    } else if constexpr (kDepth == 1) {
      hn::LoadInterleaved2(Tag(), from, at[0], at[1]);
    } else {
      hn::LoadInterleaved3(Tag(), from, at[0], at[1], at[2]);
    }
  }
  HWY_INLINE void store(float* to) const {
    if constexpr (kDepth == 0) {
      hn::StoreU(at[0], Tag(), to);
    } else if constexpr (kDepth == 1) {
      hn::StoreInterleaved2(at[0], at[1], Tag(), to);
    } else {
      hn::StoreInterleaved3(at[0], at[1], at[2], Tag(), to);
    }
  }
};

}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggled include guard
