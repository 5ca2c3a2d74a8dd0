// Walks lists of tokens down a tree of neurons by hard decisions, node by node and depth first: a node's row
// is loaded once for all its tokens, and below the upper levels a list's tokens stay in the first-level cache
// until they reach their leaves. Runs on the calling thread.
#pragma once

#include <cstdint>

#include "kernels/tree/nodes.h"

namespace espalier::kernels {

// Where the walk ends, and where it leaves what it finds.
struct HardRoute {
  const TreeGates& gates;
  int tree;
  // The level at which tokens are handed over without a look at its nodes; gates.levels(): past the leaves,
  // with the logits of all levels.
  int end;
  const float* x;         // [tokens, gates.width]
  float* logits;          // [tokens, trees, gates.levels()]
  std::int32_t* arrival;  // [tokens, trees]: the node's place in the level of `end`, or the leaf
  // Tokens that will be walked next: their rows are brought into the second-level cache meanwhile.
  const std::int32_t* next_tokens = nullptr;
  std::int64_t next_count = 0;
  // Where a row serves few tokens: the nodes' rows of another matrix, in heap order; they too are brought
  // into the second-level cache, and children's rows before it is known which one is needed.
  RowSource prefetched = {nullptr, 0};

  // Sends `tokens` [count] (all at `node` of `level`) down. On return they are sorted by arrival, and in
  // the order given within one. spare: room for 2 * count.
  void run(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count, std::int32_t* spare) const;
};

}  // namespace espalier::kernels
