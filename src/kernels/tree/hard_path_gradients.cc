#include "kernels/tree/hard_path_gradients.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/hard_path_gradients.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// Levels whose sums are held in registers at a time, for two vectors of columns or, in shallow trees, three:
// what a change of leaf costs is then shared by more columns.
constexpr int kBand = HWY_TARGET <= HWY_AVX3 ? 12 : 6;
constexpr int kShallow = HWY_TARGET <= HWY_AVX3 ? 8 : 4;

HWY_INLINE void put(const PathGradients& gradients, std::int32_t target, std::int64_t c, std::int64_t partial,
                    Vector sum) {
  const Tag d;
  float* to = target >= 0 ? gradients.out.data + target * gradients.width
                          : gradients.parts + ~target * gradients.width;
  const bool add = target >= 0 && gradients.out.accumulate;
  if (target >= 0 && gradients.stream) {
    hn::Stream(sum, d, to + c);
  } else if (partial > 0) {
    store_first(d, partial, add ? hn::Add(load_first(d, partial, to + c), sum) : sum, to + c);
  } else {
    hn::StoreU(add ? hn::Add(hn::LoadU(d, to + c), sum) : sum, d, to + c);
  }
}

// Sums levels [level, level + kLevels) over kCount vectors of columns from c on.
template <int kLevels, int kCount>
void sum_band(const PathGradients& gradients, const ChunkPlan& plan, const float* coefficients, int level,
              std::int64_t c, std::int64_t partial) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const int levels = plan.levels();
  const std::int32_t last = plan.run(plan.runs() - 1).end - 1;
  Vector acc[kLevels][kCount];
  HWY_UNROLL(12)
  for (int l = 0; l < kLevels; ++l) {
    HWY_UNROLL(3)
    for (int v = 0; v < kCount; ++v) acc[l][v] = hn::Zero(d);
  }
  for (int r = 0; r < plan.runs(); ++r) {
    const ChunkPlan::Run& run = plan.run(r);
    for (std::int32_t i = run.begin; i < run.end; ++i) {
      const float* from = gradients.source + plan.tokens()[i] * gradients.width + c;
      // Four tokens ahead: a block's part of a row is met once, and no stride leads to the next one.
      const float* next = gradients.source + plan.tokens()[std::min(i + 4, last)] * gradients.width + c;
      hwy::Prefetch(next);
      if (kCount > 1) hwy::Prefetch(next + (kCount - 1) * lanes);
      if (kCount > 2) hwy::Prefetch(next + lanes);
      const float* w = coefficients + i * levels + level;
      Vector x[kCount];
      HWY_UNROLL(3)
      for (int v = 0; v < kCount; ++v) {
        x[v] = partial > 0 ? load_first(d, partial, from) : hn::LoadU(d, from + v * lanes);
      }
      HWY_UNROLL(12)
      for (int l = 0; l < kLevels; ++l) {
        const Vector wl = hn::Set(d, w[l]);
        HWY_UNROLL(3)
        for (int v = 0; v < kCount; ++v) acc[l][v] = hn::MulAdd(wl, x[v], acc[l][v]);
      }
    }
    const std::int32_t* targets = plan.targets() + run.target - run.complete + level;
    HWY_UNROLL(12)
    for (int l = 0; l < kLevels; ++l) {
      if (level + l >= run.complete) {
        HWY_UNROLL(3)
        for (int v = 0; v < kCount; ++v) {
          put(gradients, targets[l], c + v * lanes, partial, acc[l][v]);
          acc[l][v] = hn::Zero(d);
        }
      }
    }
  }
}

template <int kCount, int kLevels>
void sum_levels(int count, const PathGradients& gradients, const ChunkPlan& plan, const float* coefficients,
                int level, std::int64_t c, std::int64_t partial) {
  if constexpr (kLevels > 1) {
    if (count < kLevels) {
      return sum_levels<kCount, kLevels - 1>(count, gradients, plan, coefficients, level, c, partial);
    }
  }
  sum_band<kLevels, kCount>(gradients, plan, coefficients, level, c, partial);
}

// Columns by kColumns vectors and levels by bands of kLevels.
template <int kColumns, int kLevels>
void sum_all(const PathGradients& gradients, const ChunkPlan& plan, const float* coefficients) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  const int levels = plan.levels();
  std::int64_t c = 0;
  while (c < gradients.width) {
    const std::int64_t left = gradients.width - c;
    for (int level = 0; level < levels; level += kLevels) {
      const int count = std::min(kLevels, levels - level);
      if (left >= kColumns * lanes) {
        sum_levels<kColumns, kLevels>(count, gradients, plan, coefficients, level, c, 0);
      } else {
        sum_levels<1, kLevels>(count, gradients, plan, coefficients, level, c, left < lanes ? left : 0);
      }
    }
    c += left >= kColumns * lanes ? kColumns * lanes : std::min(left, lanes);
  }
}

void sum_chunk(const PathGradients& gradients, const ChunkPlan& plan, const float* coefficients) {
  if (plan.levels() <= kShallow) {
    sum_all<3, kShallow>(gradients, plan, coefficients);
  } else {
    sum_all<2, kBand>(gradients, plan, coefficients);
  }
  if (gradients.stream) hwy::FlushStream();
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(sum_chunk);

}  // namespace

ChunkPlan::ChunkPlan(int depth, const TokenOrder& order, const TokenChunk& chunk)
    : levels_(depth + 1), tokens_(order.tokens() + chunk.begin) {
  const std::int32_t* leaves = order.leaves() + chunk.begin;
  const auto count = static_cast<std::int32_t>(chunk.end - chunk.begin);
  std::int32_t target = 0;
  for (std::int32_t begin = 0; begin < count;) {
    std::int32_t end = begin + 1;
    while (end < count && leaves[end] == leaves[begin]) ++end;
    const std::int32_t leaf = leaves[begin];
    const int complete = end == count ? 0 : shared_levels(depth, leaf, leaves[end]);
    run_[runs_++] = {begin, end, complete, target};
    const int as_first = std::min(chunk.before, shared_levels(depth, leaf, leaves[0]));
    const int as_last = std::min(chunk.after, shared_levels(depth, leaf, leaves[count - 1]));
    for (int level = complete; level <= depth; ++level) {
      std::int64_t to = path_node(level, leaf, depth);
      if (level < as_first) {
        to = ~(chunk.first_part + level);
      } else if (level < as_last) {
        to = ~(chunk.first_part + chunk.before + level - chunk.both);
      }
      targets_[target++] = static_cast<std::int32_t>(to);
    }
    begin = end;
  }
}

void PathGradients::run(const ChunkPlan& plan, const float* coefficients) const {
  HWY_DYNAMIC_DISPATCH(sum_chunk)(*this, plan, coefficients);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
