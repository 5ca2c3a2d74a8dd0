// Soft routing over the nodes that survive pruning, found level by level from the root: the cost of a token
// is that of its survivors. The same mathematics as soft_dense_paths.h. The sparse forms use it.
#pragma once

#include <cstdint>
#include <span>

#include "espalier/tensor/pool.h"
#include "kernels/tree/soft_routing.h"

namespace espalier::kernels {

// A surviving node of one token in one tree. The list of a token and tree is in level order, root first.
struct Survivor {
  std::int32_t node;
  std::int32_t parent;  // place in the list; -1 for the root
  float rho;
  float logit;  // 0 for the leaves of a leaf tree, which have none
};

// Tokens of a block of survivors; each block is one task.
inline constexpr std::int64_t kSurvivorTokens = 64;

// The survivors of a block of consecutive tokens.
struct SurvivorBlock {
  PoolVector<Survivor> entries;
  PoolVector<std::int64_t> begin{0};  // begin[token * trees + tree]: their first entry; one more at the end

  std::span<const Survivor> list(std::int64_t path) const {
    const auto i = static_cast<std::size_t>(path);
    return std::span(entries).subspan(static_cast<std::size_t>(begin[i]),
                                      static_cast<std::size_t>(begin[i + 1] - begin[i]));
  }
};

// Finds survivors; keeps scratch memory between calls.
class SurvivorFinder {
 public:
  SurvivorFinder(const TreeGates& gates, const SoftRouting& routing) : gates_(gates), routing_(routing) {}

  // Appends the survivors of one token in one tree. x [width]; `token` numbers the draws of region leak.
  void append(std::int64_t token, int tree, const float* x, SurvivorBlock& block, SoftSums& sums);

 private:
  void evaluate(std::int64_t token, int tree, const float* x, std::span<Survivor> level);
  void append_children(const Survivor& parent, std::int32_t place, float c, PoolVector<Survivor>& entries,
                       SoftSums& sums) const;

  const TreeGates& gates_;
  const SoftRouting& routing_;
  PoolVector<std::int32_t> rows_;
  PoolVector<float> logits_, c_;
};

// The gradient: adds to dlogit, one for each survivor. value: derivative of the loss with respect to each
// survivor's rho taken alone. entropy_gradient as in soft_paths_backward. below: scratch, 2 for each
// survivor.
void survivors_backward(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                        std::span<const Survivor> list, float entropy_gradient, const float* value,
                        float* below, float* dlogit);

// The leaf that the hard decisions lead to, and the logits of its path's `depth` decisions. The hard path
// always survives.
std::int32_t hard_path_of(const TreeGates& gates, std::span<const Survivor> list, float* logits);

// Whether computing all nodes of all tokens as dense products is the cheaper way: unpruned, or too many nodes
// survive. rows_per_node: weight rows of a node, on average, in each direction. The exact count of survivors
// of up to 64 evenly spaced tokens decides, so the choice is a function of the input alone.
bool dense_form_is_cheaper(const TreeGates& gates, const SoftRouting& routing, std::int64_t tokens,
                           const float* x, double rows_per_node);

}  // namespace espalier::kernels
