// Soft routing: what the dense and the sparse forms agree on.
//
//   rho_root = 1;  rho_right = rho c;  rho_left = rho (1 - c);  c = sigmoid(logit / temperature)
// A child with rho <= epsilon is dropped (its rho, and that of all below it, becomes 0), except the one that
// the hard decision of its parent takes. Dropped mass is not given to others. Region leak: c becomes 1 - c
// for nodes drawn at random. "Fast feedforward networks", arXiv 2308.14711, section 2; pruning is ours.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

struct SoftRouting {
  float temperature = 1.0F;
  float epsilon = 0.0F;
  bool entropy = false;               // count it
  bool entropy_of_all_nodes = false;  // mean over inner nodes, instead of the path-weighted mean over levels
  float region_leak = 0.0F;           // probability; 0 outside training
  std::uint64_t leak_seed = 0;
  std::uint64_t leak_step = 0;

  // The factor of H(c) of an inner node in the entropy of one token in one tree.
  float entropy_weight(const TreeGates& gates, float rho) const;
};

// Sums over tokens and trees of one forward pass.
struct SoftSums {
  double entropy = 0;
  double dropped_mass = 0;
  std::int64_t surviving_nodes = 0;

  void add(const SoftSums& other) {
    entropy += other.entropy;
    dropped_mass += other.dropped_mass;
    surviving_nodes += other.surviving_nodes;
  }
};

// Whether the c of a node is leaked: Philox(leak_seed, kRegionLeak, leak_step), index
// (token * trees + tree) * rows + node.
bool is_leaked(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
               std::int32_t node);

// Which children of a node survive, and how probable they are.
struct Children {
  float left, right;  // path probabilities
  bool keep_left, keep_right;
};
inline Children divide(float rho, float c, bool decides_right, float epsilon) {
  const float right = rho * c;
  const float left = rho * (1.0F - c);
  return {left, right, left > epsilon || !decides_right, right > epsilon || decides_right};
}

// Tokens of a task of elementwise work.
inline constexpr std::int64_t kSoftTokenGrain = 16;

// Calls body(begin, end, sums) over ranges of tokens and adds the ranges' sums in their order.
template <class Body>
SoftSums sum_over_tokens(std::int64_t tokens, std::int64_t grain, const Body& body) {
  PoolVector<SoftSums> parts(static_cast<std::size_t>((tokens + grain - 1) / grain));
  parallel_for(tokens, grain, [&](std::int64_t begin, std::int64_t end) {
    body(begin, end, parts[static_cast<std::size_t>(begin / grain)]);
  });
  SoftSums sums;
  for (const SoftSums& part : parts) sums.add(part);
  return sums;
}

}  // namespace espalier::kernels
