// Gradients of the weight rows along tokens' hard paths: each node's row gets the sum over its tokens of
// coefficient * token vector.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/tree/hard_token_order.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

// Where a chunk's sums go, computed once for all its columns. The tokens of a leaf form a run; a node's sum
// is complete after the last run under it.
class ChunkPlan {
 public:
  ChunkPlan(int depth, const TokenOrder& order, const TokenChunk& chunk);

  struct Run {
    std::int32_t begin, end;  // tokens, counted from the chunk's first
    std::int32_t complete;    // levels [complete, depth] end with this run
    std::int32_t target;      // of level `complete` in targets(); the levels below follow
  };
  int levels() const { return levels_; }
  int runs() const { return runs_; }
  const Run& run(int i) const { return run_[i]; }
  // A node's number, or ~part for a node that is summed in parts.
  const std::int32_t* targets() const { return targets_; }
  const std::int32_t* tokens() const { return tokens_; }

 private:
  int levels_;
  int runs_ = 0;
  const std::int32_t* tokens_;
  Run run_[TokenOrder::kMaxChunk];
  std::int32_t targets_[TokenOrder::kMaxChunk * kMaxLevels];
};

// One matrix of gradients of one tree.
struct PathGradients {
  std::int64_t width;
  const float* source;  // [tokens, width]: the vectors to sum
  Destination out;      // [nodes, width]: of nodes that lie in one chunk
  float* parts;         // [parts of all chunks, width]
  bool stream;          // nodes' rows past the caches: only if not accumulated, and of whole cache lines

  // coefficients [tokens of the chunk, levels].
  void run(const ChunkPlan& plan, const float* coefficients) const;
};

}  // namespace espalier::kernels
