// A token's row of all nodes of a forest of depth 0, 1 or 2, in heap order tree by tree: what the dense form
// of the hard tree of neurons (neuron_hard_dense.h) does between its products. One call a token, on the
// calling thread; the bits of a tree's values do not depend on its place in the row.
#pragma once

#include <cstdint>

#include "kernels/tree/nodes.h"
#include "kernels/tree/straight_through.h"

namespace espalier::kernels {

inline constexpr int kShallow = 2;  // the largest depth

// nodes [trees, nodes]: <w_in, x> becomes gelu(logit) on the hard path and 0 elsewhere, in place. The path
// goes to logits [trees, depth + 1], root first, and leaf [trees], which depth 0 does not touch.
void activate_shallow_row(const TreeGates& gates, float* nodes, float* logits, std::int32_t* leaf);

// The path that forward left, and the node values of one token.
struct ShallowRow {
  const float* logits;       // [trees, depth + 1]
  const std::int32_t* leaf;  // [trees]; depth 0 does not read it
  // [trees, nodes], gets gelu(logit) on the path and 0 elsewhere; where decisions get a gradient, it must
  // hold <w_in, x>.
  float* activation;
  float* gradient;  // [trees, nodes]: <dy, w_out> becomes the logits' gradient, 0 off the path
};

// The decisions get a gradient where `straight_through` is given. Returns the number of sibling nodes
// evaluated.
std::int64_t differentiate_shallow_row(const TreeGates& gates, const ShallowRow& row,
                                       const StraightThrough* straight_through);

}  // namespace espalier::kernels
