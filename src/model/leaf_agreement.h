// How often a token that one model sends to a leaf is sent to which by another.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/model/tree_reading.h"
#include "espalier/ops/tree_size.h"
#include "espalier/tensor/tensor.h"

namespace espalier::model {

// Of one layer. Trees have no order that two trainings would share: each of one model is held against each of
// the other, up to kMostPairs of them; of larger forests only against the one of its own place.
class LeafAgreement {
 public:
  static constexpr std::int64_t kMostPairs = 64;

  LeafAgreement(ops::TreeSize size, ops::TreeSize other);
  static double bytes(ops::TreeSize size, ops::TreeSize other);

  // Tasks that may run at once: one of each pair of trees.
  int tasks() const { return static_cast<int>(pairs_.size()); }
  // Adds what `task` counts: leaves of the same tokens, [tokens, trees] each.
  void add(int task, const IntTensor& leaf, const IntTensor& other);

  LayerAgreement result(std::int64_t layer) const;

 private:
  struct Pair {
    std::int64_t tree, other;
    std::vector<std::int64_t> table;  // [leaves, leaves of the other]
  };
  ops::TreeSize size_, other_;
  std::vector<Pair> pairs_;
};

}  // namespace espalier::model
