// Indices grouped by a key: a stable counting sort, on the calling thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "kernels/scratch.h"

namespace espalier::kernels {

// Gives each index i < count a place: key(i), below `groups`, is its group; places go by group and, within a
// group, by index. An index whose key is negative gets none. put(i, place) is called in the order of indices;
// whether it keeps the order, the places or something else of i is the caller's choice. Returns where groups
// begin, [groups + 1]: group g has the places begin[g] .. begin[g + 1] - 1, and begin[groups] is the number
// of places.
template <class Key, class Put>
Scratch<std::int64_t> group_by_key(std::int64_t groups, std::int64_t count, const Key& key, const Put& put) {
  Scratch<std::int64_t> begin(groups + 1);
  // next[g] is the size of group g, then where its next index goes, in the end where group g + 1 begins.
  std::int64_t* const next = begin.data() + 1;
  std::fill_n(begin.data(), groups + 1, 0);
  for (std::int64_t i = 0; i < count; ++i) {
    if (const std::int64_t group = key(i); group >= 0) ++next[group];
  }
  std::int64_t total = 0;
  for (std::int64_t group = 0; group < groups; ++group) total += std::exchange(next[group], total);
  for (std::int64_t i = 0; i < count; ++i) {
    if (const std::int64_t group = key(i); group >= 0) put(i, next[group]++);
  }
  return begin;
}

}  // namespace espalier::kernels
