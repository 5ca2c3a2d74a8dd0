#include "kernels/embedding.h"

#include <algorithm>
#include <numeric>

#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kSortedTokens = 64;  // tokens a task of the backward pass starts with

// The tokens that contribute, ordered by id and, within an id, by place.
PoolVector<std::int64_t> tokens_by_id(std::int64_t tokens, const std::int32_t* ids, std::int64_t skipped_id,
                                      std::int64_t rows) {
  PoolVector<std::int64_t> first(static_cast<std::size_t>(rows) + 1, 0);
  for (std::int64_t t = 0; t < tokens; ++t) {
    if (ids[t] != skipped_id) ++first[static_cast<std::size_t>(ids[t]) + 1];
  }
  std::partial_sum(first.begin(), first.end(), first.begin());
  PoolVector<std::int64_t> sorted(static_cast<std::size_t>(first.back()));
  for (std::int64_t t = 0; t < tokens; ++t) {
    if (ids[t] == skipped_id) continue;
    std::int64_t& place = first[static_cast<std::size_t>(ids[t])];
    sorted[static_cast<std::size_t>(place++)] = t;
  }
  return sorted;
}

}  // namespace

void embedding(std::int64_t tokens, std::int64_t width, const std::int32_t* ids, const float* table,
               float* out) {
  parallel_for(tokens, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) std::copy_n(table + ids[t] * width, width, out + t * width);
  });
}

void embedding_backward(std::int64_t tokens, std::int64_t width, const std::int32_t* ids,
                        std::int64_t skipped_id, const float* dout, std::int64_t rows, Destination dtable,
                        char* unwritten) {
  if (!dtable.accumulate) std::fill_n(unwritten, rows, char{1});
  const PoolVector<std::int64_t> sorted = tokens_by_id(tokens, ids, skipped_id, rows);
  const auto count = static_cast<std::int64_t>(sorted.size());
  const auto id_at = [&](std::int64_t i) { return ids[sorted[static_cast<std::size_t>(i)]]; };
  // A task owns the ids whose first token lies in its range, and follows the last of them beyond its end.
  parallel_for(count, kSortedTokens, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    while (i < end && i > 0 && id_at(i) == id_at(i - 1)) ++i;
    if (i == end) return;
    for (; i < count && (i < end || id_at(i) == id_at(i - 1)); ++i) {
      float* row = dtable.data + id_at(i) * width;
      if (!dtable.accumulate && (i == 0 || id_at(i) != id_at(i - 1))) {
        std::fill_n(row, width, 0.0F);
        unwritten[id_at(i)] = 0;
      }
      const float* added = dout + sorted[static_cast<std::size_t>(i)] * width;
      for (std::int64_t j = 0; j < width; ++j) row[j] += added[j];
    }
  });
}

}  // namespace espalier::kernels
