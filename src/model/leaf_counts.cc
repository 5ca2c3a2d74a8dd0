#include "model/leaf_counts.h"

#include <numeric>

namespace espalier::model {

LeafCounts::LeafCounts(ops::TreeSize size, std::int64_t words)
    : size_(size), words_(words), counts_(static_cast<std::size_t>(size.leaves() * kNeighbours * words)) {}

double LeafCounts::bytes(ops::TreeSize size, std::int64_t words) {
  return static_cast<double>(size.leaves()) * kNeighbours * static_cast<double>(words) *
         sizeof(std::uint32_t);
}

std::span<std::uint32_t> LeafCounts::task_table(int task) {
  const auto length = static_cast<std::size_t>(size_.leaves_per_tree() * words_);
  return std::span(counts_).subspan(static_cast<std::size_t>(task) * length, length);
}

void LeafCounts::add(int task, const IntTensor& leaf, const IntTensor& ids) {
  const std::int64_t rows = ids.shape()[0], length = ids.shape()[1];
  const std::int64_t tree = task / kNeighbours;
  const auto neighbour = static_cast<Neighbour>(task % kNeighbours);
  // Sequences end at their ends: what lies beyond is the neighbour of nobody.
  const std::int64_t shift = neighbour == Neighbour::kPrevious ? -1 : neighbour == Neighbour::kNext ? 1 : 0;
  const std::int64_t first = shift < 0 ? 1 : 0, last = shift > 0 ? length - 1 : length;
  std::uint32_t* table = task_table(task).data();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t token = row * length + first; token < row * length + last; ++token) {
      ++table[leaf.data()[token * size_.trees + tree] * words_ + ids.data()[token + shift]];
    }
  }
}

std::span<const std::uint32_t> LeafCounts::table(std::int64_t tree, Neighbour neighbour) const {
  const auto length = static_cast<std::size_t>(size_.leaves_per_tree() * words_);
  const auto task = static_cast<std::size_t>(tree * kNeighbours + static_cast<std::int64_t>(neighbour));
  return std::span(counts_).subspan(task * length, length);
}

std::vector<std::int64_t> LeafCounts::leaf_tokens(std::int64_t tree) const {
  const auto words = static_cast<std::size_t>(words_);
  const std::span<const std::uint32_t> counts = table(tree, Neighbour::kSelf);
  std::vector<std::int64_t> tokens;
  for (std::size_t begin = 0; begin < counts.size(); begin += words) {
    const auto row = counts.subspan(begin, words);
    tokens.push_back(std::accumulate(row.begin(), row.end(), std::int64_t{0}));
  }
  return tokens;
}

}  // namespace espalier::model
