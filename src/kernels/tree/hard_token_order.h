// Tokens of one tree in the order of their leaves, cut into chunks that are worked on in parallel.
#pragma once

#include <cstdint>

#include "espalier/tensor/pool.h"
#include "kernels/scratch.h"

namespace espalier::kernels {

// Levels, the root's included, on which the paths to two leaves of a tree of `depth` are at the same node.
int shared_levels(int depth, std::int32_t leaf, std::int32_t other);

// A range of tokens in leaf order. A node that other chunks have tokens of too is summed in parts.
struct TokenChunk {
  std::int64_t begin, end;
  int before;  // levels on which the first token shares its node with the chunk before
  int after;   // levels on which the last token shares its node with the chunk behind
  int both;    // levels, from the root, that are shared with both and are one node throughout the chunk
  std::int64_t first_part;  // number of parts of all chunks before

  // Parts are numbered: levels [0, before) of the first path, then [both, after) of the last path.
  int parts() const { return before + after - both; }
};

class TokenOrder {
 public:
  // Sorts the tokens [begin, end) by leaf[token * stride]; stable.
  TokenOrder(int depth, std::int64_t begin, std::int64_t end, const std::int32_t* leaf, std::int64_t stride);

  std::int64_t count() const { return count_; }
  const std::int32_t* tokens() const { return tokens_.data(); }
  const std::int32_t* leaves() const { return leaves_.data(); }
  // Chunks of about 128 tokens (at most kMaxChunk), cut where neighbours share the least levels.
  PoolVector<TokenChunk> chunks() const;

  static constexpr std::int64_t kMaxChunk = 160;
  static constexpr std::int64_t kMinChunk = 96;

 private:
  int depth_;
  std::int64_t count_;
  Scratch<std::int32_t> tokens_, leaves_;
};

}  // namespace espalier::kernels
