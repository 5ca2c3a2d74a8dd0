#include "kernels/tree/hard_token_order.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace espalier::kernels {
namespace {

// Bits of a leaf's number that one pass sorts by: the counters stay in the first-level cache.
constexpr int kRadixBits = 12;

// A stable counting sort of (token, leaf) pairs by bits [shift, shift + kRadixBits) of the leaf.
void sort_by_bits(int shift, std::int64_t count, const std::int32_t* tokens, const std::int32_t* leaves,
                  std::int32_t* sorted_tokens, std::int32_t* sorted_leaves) {
  constexpr std::int32_t kMask = (1 << kRadixBits) - 1;
  std::int32_t next[kMask + 2] = {};
  for (std::int64_t i = 0; i < count; ++i) ++next[((leaves[i] >> shift) & kMask) + 1];
  for (std::int32_t b = 0; b < kMask; ++b) next[b + 1] += next[b];
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t place = next[(leaves[i] >> shift) & kMask]++;
    sorted_tokens[place] = tokens[i];
    sorted_leaves[place] = leaves[i];
  }
}

}  // namespace

int shared_levels(int depth, std::int32_t leaf, std::int32_t other) {
  return depth + 1 - static_cast<int>(std::bit_width(static_cast<std::uint32_t>(leaf ^ other)));
}

TokenOrder::TokenOrder(int depth, std::int64_t begin, std::int64_t end, const std::int32_t* leaf,
                       std::int64_t stride)
    : depth_(depth), count_(end - begin), tokens_(count_), leaves_(count_) {
  Scratch<std::int32_t> tokens(count_);
  Scratch<std::int32_t> leaves(count_);
  for (std::int64_t i = 0; i < count_; ++i) {
    tokens[i] = static_cast<std::int32_t>(begin + i);
    leaves[i] = leaf[(begin + i) * stride];
  }
  for (int shift = 0; shift == 0 || shift < depth; shift += kRadixBits) {
    if (shift > 0) {
      std::swap(tokens, tokens_);
      std::swap(leaves, leaves_);
    }
    sort_by_bits(shift, count_, tokens.data(), leaves.data(), tokens_.data(), leaves_.data());
  }
}

PoolVector<TokenChunk> TokenOrder::chunks() const {
  PoolVector<TokenChunk> all;
  const auto shared = [&](std::int64_t i, std::int64_t j) {
    return shared_levels(depth_, leaves_[i], leaves_[j]);
  };
  for (std::int64_t begin = 0; begin < count_;) {
    std::int64_t end = count_;
    if (count_ - begin > kMaxChunk) {
      end = begin + kMinChunk;
      for (std::int64_t cut = end + 1; cut <= begin + kMaxChunk; ++cut) {
        if (shared(cut - 1, cut) < shared(end - 1, end)) end = cut;
      }
    }
    TokenChunk chunk{begin, end, 0, 0, 0, 0};
    if (begin > 0) {
      chunk.before = all.back().after;
      chunk.first_part = all.back().first_part + all.back().parts();
    }
    if (end < count_) chunk.after = shared(end - 1, end);
    chunk.both = std::min({chunk.before, chunk.after, shared(begin, end - 1)});
    all.push_back(chunk);
    begin = end;
  }
  return all;
}

}  // namespace espalier::kernels
