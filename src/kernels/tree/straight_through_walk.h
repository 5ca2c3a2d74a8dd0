// The walk that straight-through routing adds: down every branch that a hard path did not take.
#pragma once

#include <cstdint>

#include "kernels/tree/neuron_tree.h"

namespace espalier::kernels {

// A token's place in a batch, and the level at which its path is flipped.
struct Flip {
  std::int16_t token;
  std::int16_t level;
};

// A skipped sibling's path is the token's own path with one decision flipped, then hard to a leaf. A
// depth-first walk follows many flips at once: a node meets the tokens whose own path it is (only to flip
// them) and a list of flips that came down, whose logits and projections share the loads of its two rows.
struct SiblingWalk {
  // Tokens of a batch: their vectors (6 KB a token at width 768) stay in the third-level cache.
  static constexpr std::int64_t kBatch = 2048;
  // Tokens of a walk, at most.
  static constexpr int kList = 96;

  const NeuronTree& tree;
  int k;
  const float* x;
  const float* dy;
  const std::int32_t* tokens;  // [batch], sorted by leaf
  const std::int32_t* leaves;  // [batch]
  const bool* flips;           // [batch, depth]: whether a decision is flipped
  double* value;  // [batch, depth]: gets the sum of gelu(logit) <dy, w_out> below the flip, root first

  // Walks from `node` of `level` with the batch's tokens [begin, end) whose own path leads there and `list`
  // [count] (both at most kList) down to level `stop`, whose nodes are only written down: their places in
  // that level go to arrival[token * stop + flipped level]. stop > depth: to the end. Returns the number of
  // nodes evaluated.
  std::int64_t run(std::int32_t node, int level, int begin, int end, const Flip* list, int count, int stop,
                   std::int32_t* arrival) const;
};

}  // namespace espalier::kernels
