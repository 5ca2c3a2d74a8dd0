#include "kernels/tree/hard_path_dots.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/hard_path_dots.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/tree/nodes.h"
#include "kernels/tree/row_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

// Rows that a group of four tokens fetches: its own of another matrix or of other weights, and the next four
// vectors.
constexpr int kPrefetched = 8;

void group_dots(int depth, RowSource source, std::int64_t width, int count, const float* const* vectors,
                const std::int32_t* leaves, const float* const* to_fetch, float* out) {
  const auto row = [&](int level, std::int32_t leaf) {
    return source.data + path_node(level, leaf, depth) * source.stride;
  };
  std::uint32_t differing = 0;
  for (int t = 1; t < count; ++t) differing |= static_cast<std::uint32_t>(leaves[t] ^ leaves[0]);
  const int levels = depth + 1;
  const int shared = levels - static_cast<int>(std::bit_width(differing));
  int level = 0;
  int fetched = 0;
  for (; count == 4 && level + 3 <= shared; level += 3) {
    const float* const rows[3] = {row(level, leaves[0]), row(level + 1, leaves[0]),
                                  row(level + 2, leaves[0])};
    float products[3][4];
    if (fetched < kPrefetched) {
      tile_dots<3, 2>(width, vectors, rows, to_fetch + fetched, products);
      fetched += 2;
    } else {
      tile_dots<3, 0>(width, vectors, rows, nullptr, products);
    }
    for (int t = 0; t < 4; ++t) {
      for (int l = 0; l < 3; ++l) out[t * levels + level + l] = products[l][t];
    }
  }
  for (; level < shared; ++level) {
    float products[4];
    if (count == 4 && fetched < kPrefetched) {
      dots<4, 1>(width, row(level, leaves[0]), vectors, products, to_fetch + fetched++);
    } else {
      dots_of(count, width, row(level, leaves[0]), vectors, products);
    }
    for (int t = 0; t < count; ++t) out[t * levels + level] = products[t];
  }
  for (int t = 0; t < count; ++t) {
    for (level = shared; level < levels; level += 4) {
      const int left = std::min(4, levels - level);
      const float* rows[4] = {};
      for (int l = 0; l < left; ++l) rows[l] = row(level + l, leaves[t]);
      float products[4];
      dots_of(left, width, vectors[t], rows, products);
      std::copy_n(products, left, out + t * levels + level);
    }
  }
}

void all_dots(int depth, RowSource source, std::int64_t width, const float* vectors, std::int64_t count,
              const std::int32_t* tokens, const std::int32_t* leaves, PathFetch fetched, float* out) {
  const auto other_row = [&](int below, std::int32_t leaf) {
    return fetched.rows.data + path_node(std::max(depth - below, 0), leaf, depth) * fetched.rows.stride;
  };
  for (std::int64_t i = 0; i < count; i += 4) {
    const int group = static_cast<int>(std::min<std::int64_t>(4, count - i));
    const float* own[4] = {};
    for (int t = 0; t < group; ++t) own[t] = vectors + tokens[i + t] * width;
    const float* to_fetch[kPrefetched];
    for (std::int64_t t = 0; t < 4; ++t) {
      to_fetch[2 * t] =
          fetched.rows.data != nullptr
              ? other_row(t < 2 ? 0 : static_cast<int>(t) - 1,
                          leaves[t == 0 ? i : std::min(i + 3, count - 1)])
              : fetched.vectors.data + tokens[std::min(i + t, count - 1)] * fetched.vectors.stride;
      to_fetch[2 * t + 1] = vectors + tokens[std::min(i + 4 + t, count - 1)] * width;
    }
    group_dots(depth, source, width, group, own, leaves + i, to_fetch, out + i * (depth + 1));
  }
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(all_dots);

}  // namespace

void path_dots(int depth, RowSource source, std::int64_t width, const float* vectors, std::int64_t count,
               const std::int32_t* tokens, const std::int32_t* leaves, PathFetch fetched, float* out) {
  HWY_DYNAMIC_DISPATCH(all_dots)(depth, source, width, vectors, count, tokens, leaves, fetched, out);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
