#include "espalier/ops/tree_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "espalier/base/error.h"

namespace espalier::ops {
namespace {

template <class Number>
void add_elements(const PoolVector<Number>& from, PoolVector<Number>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

double share(double part, double all) {
  return all == 0 ? 0 : part / all;
}

}  // namespace

void TreeStatistics::add(const TreeStatistics& other) {
  if (other.trees == 0) return;
  if (trees == 0) {
    *this = other;
    return;
  }
  ESPALIER_CHECK(depth == other.depth && trees == other.trees);
  tokens += other.tokens;
  add_elements(other.entropy, entropy);
  add_elements(other.undecided, undecided);
  add_elements(other.leaf_tokens, leaf_tokens);
  surviving_nodes += other.surviving_nodes;
  dropped_mass += other.dropped_mass;
}

double TreeStatistics::mean_entropy(int level) const {
  return share(entropy.at(static_cast<std::size_t>(level)), static_cast<double>(tokens) * trees);
}

double TreeStatistics::undecided_share(int level) const {
  return share(static_cast<double>(undecided.at(static_cast<std::size_t>(level))),
               static_cast<double>(tokens) * trees);
}

double TreeStatistics::leaves_used() const {
  const auto used =
      std::count_if(leaf_tokens.begin(), leaf_tokens.end(), [](std::int64_t n) { return n > 0; });
  return share(static_cast<double>(used), static_cast<double>(leaf_tokens.size()));
}

double leaf_perplexity(std::span<const std::int64_t> leaf_tokens) {
  const auto tokens = std::accumulate(leaf_tokens.begin(), leaf_tokens.end(), std::int64_t{0});
  if (tokens == 0) return 0;
  double usage_entropy = 0;
  for (const std::int64_t count : leaf_tokens) {
    const double p = static_cast<double>(count) / static_cast<double>(tokens);
    if (p > 0) usage_entropy -= p * std::log(p);
  }
  return std::exp(usage_entropy);
}

double TreeStatistics::leaf_perplexity(int tree) const {
  const auto leaves = static_cast<std::size_t>(size().leaves_per_tree());
  return ops::leaf_perplexity(
      std::span(leaf_tokens).subspan(static_cast<std::size_t>(tree) * leaves, leaves));
}

double TreeStatistics::mean_leaf_perplexity() const {
  double sum = 0;
  for (int tree = 0; tree < trees; ++tree) sum += leaf_perplexity(tree);
  return share(sum, trees);
}

double TreeStatistics::largest_leaf_share() const {
  const auto largest = std::max_element(leaf_tokens.begin(), leaf_tokens.end());
  return largest == leaf_tokens.end() ? 0 : share(static_cast<double>(*largest), static_cast<double>(tokens));
}

}  // namespace espalier::ops
