#include "model/leaf_agreement.h"

#include <algorithm>

#include "espalier/metrics/association.h"

namespace espalier::model {
namespace {

bool compares_all(ops::TreeSize size, ops::TreeSize other) {
  return size.trees * other.trees <= LeafAgreement::kMostPairs;
}

}  // namespace

LeafAgreement::LeafAgreement(ops::TreeSize size, ops::TreeSize other) : size_(size), other_(other) {
  const auto cells = static_cast<std::size_t>(size.leaves_per_tree() * other.leaves_per_tree());
  for (std::int64_t tree = 0; tree < size.trees; ++tree) {
    for (std::int64_t theirs = 0; theirs < other.trees; ++theirs) {
      if (tree == theirs || compares_all(size, other))
        pairs_.push_back({tree, theirs, std::vector<std::int64_t>(cells)});
    }
  }
}

double LeafAgreement::bytes(ops::TreeSize size, ops::TreeSize other) {
  const std::int64_t pairs =
      compares_all(size, other) ? size.trees * other.trees : std::min(size.trees, other.trees);
  return static_cast<double>(pairs) * static_cast<double>(size.leaves_per_tree()) *
         static_cast<double>(other.leaves_per_tree()) * sizeof(std::int64_t);
}

void LeafAgreement::add(int task, const IntTensor& leaf, const IntTensor& other) {
  Pair& pair = pairs_[static_cast<std::size_t>(task)];
  const std::int64_t columns = other_.leaves_per_tree(), tokens = leaf.shape()[0];
  for (std::int64_t token = 0; token < tokens; ++token) {
    const std::int64_t row = leaf.data()[token * size_.trees + pair.tree];
    const std::int64_t column = other.data()[token * other_.trees + pair.other];
    ++pair.table[static_cast<std::size_t>(row * columns + column)];
  }
}

LayerAgreement LeafAgreement::result(std::int64_t layer) const {
  LayerAgreement agreement{layer, 0, {}};
  for (const Pair& pair : pairs_) {
    const TreeAgreement found{
        pair.tree, pair.other,
        metrics::adjusted_mutual_information(pair.table, static_cast<std::size_t>(other_.leaves_per_tree()))};
    if (agreement.trees.empty() || agreement.trees.back().tree != pair.tree) {
      agreement.trees.push_back(found);
    } else if (found.adjusted_mutual_information > agreement.trees.back().adjusted_mutual_information) {
      agreement.trees.back() = found;
    }
  }
  for (const TreeAgreement& tree : agreement.trees) {
    agreement.adjusted_mutual_information +=
        tree.adjusted_mutual_information / static_cast<double>(agreement.trees.size());
  }
  return agreement;
}

}  // namespace espalier::model
