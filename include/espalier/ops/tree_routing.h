// How tokens find their way through a fast feedforward tree.
// Source: "Fast Feedforward Networks" (arXiv 2308.14711), "Exponentially Faster Language Modelling" (arXiv
// 2311.10770).
#pragma once

#include <cstdint>

#include "espalier/autograd/variable.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

enum class RoutingMode {
  kHard,  // one path a token, O(depth) forward and backward; decisions get no gradient of their own
  kSoft,  // the mixture over all paths, with pruning below `epsilon`
  kStraightThrough,  // hard forward; decisions get the gradient of sigmoid(logit / temperature)
};

enum class EntropyForm {
  kPath,      // 1/D sum over reached inner nodes of stop_gradient(rho) H(c); mean over tokens and trees
  kAllNodes,  // mean over inner nodes of H(c), over tokens and trees; unpruned soft routing only
};

// The routing of one forward pass; a trainer changes it from step to step.
struct TreeRouting {
  RoutingMode mode = RoutingMode::kHard;
  float temperature = 1.0F;  // tau > 0 of soft and straight-through routing
  float epsilon = 0.0F;  // soft: a child with rho <= epsilon is dropped, except the hard decision's; 0: none
  float ste_epsilon =
      0.0F;              // straight-through: a sibling is skipped where sigma'(logit / tau) / tau is below it
  bool entropy = false;  // soft: also return the entropy, for a regulariser
  EntropyForm entropy_form = EntropyForm::kPath;
  float region_leak =
      0.0F;  // soft, in training: probability that a node's c becomes 1 - c, per (token, tree, node)
  std::uint64_t leak_seed =
      0;  // draws: Philox(leak_seed, kRegionLeak, leak_step), index (token * trees + tree) * nodes + node
  std::uint64_t leak_step = 0;
  // With bf16 x waits for the backward pass as it is rounded; the forward pass computes in float32.
  Precision precision = Precision::kFloat32;
};

// The result of a tree operation. `entropy` is a one-element variable, defined where TreeRouting::entropy
// asks for it and the tree decides anything (depth > 0). `leaf`, of hard and straight-through routing where
// depth > 0: the leaf of each token in each tree, [tokens, trees], counted from the left.
struct TreeResult {
  Variable output;
  Variable entropy;
  IntTensor leaf = {};
};

}  // namespace espalier::ops
