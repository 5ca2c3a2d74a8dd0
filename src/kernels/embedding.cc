#include "kernels/embedding.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/grouped.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kSortedTokens = 64;  // tokens a task of the backward pass starts with

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
  Scratch<std::int64_t> sorted(tokens);  // those that contribute, by id
  const Scratch<std::int64_t> first = group_by_key(
      rows, tokens, [&](std::int64_t t) { return ids[t] == skipped_id ? -1 : ids[t]; },
      [&](std::int64_t t, std::int64_t place) { sorted[place] = t; });
  const std::int64_t count = first[rows];
  const auto id_at = [&](std::int64_t i) { return ids[sorted[i]]; };
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
      const float* added = dout + sorted[i] * width;
      for (std::int64_t j = 0; j < width; ++j) row[j] += added[j];
    }
  });
}

}  // namespace espalier::kernels
