// How often each leaf of a layer's trees met each token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "espalier/ops/tree_size.h"
#include "espalier/tensor/tensor.h"

namespace espalier::model {

// Beside which token of the sequence a leaf is counted: the one that it read, or a neighbour.
enum class Neighbour { kSelf, kPrevious, kNext };
inline constexpr int kNeighbours = 3;

class LeafCounts {
 public:
  LeafCounts(ops::TreeSize size, std::int64_t words);
  // Bytes that the counts of such a layer take.
  static double bytes(ops::TreeSize size, std::int64_t words);

  // Tasks that may run at once: one of each (tree, neighbour).
  int tasks() const { return static_cast<int>(size_.trees) * kNeighbours; }
  // Adds what `task` counts: leaf [B * S, trees] of ids [B, S].
  void add(int task, const IntTensor& leaf, const IntTensor& ids);

  const ops::TreeSize& size() const { return size_; }
  // Of one tree, [leaves, words].
  std::span<const std::uint32_t> table(std::int64_t tree, Neighbour neighbour) const;
  // Tokens that ended in each leaf of a tree.
  std::vector<std::int64_t> leaf_tokens(std::int64_t tree) const;

 private:
  std::span<std::uint32_t> task_table(int task);

  ops::TreeSize size_;
  std::int64_t words_;
  std::vector<std::uint32_t> counts_;  // [trees, neighbours, leaves, words]
};

}  // namespace espalier::model
