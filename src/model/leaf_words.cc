#include "model/leaf_words.h"

#include <algorithm>
#include <tuple>

#include "espalier/metrics/association.h"

namespace espalier::model {
namespace {

struct Margins {
  std::vector<std::int64_t> leaves, words;
  std::int64_t all = 0;
};

Margins margins_of(std::span<const std::uint32_t> counts, std::size_t words) {
  Margins margins{std::vector<std::int64_t>(counts.size() / words), std::vector<std::int64_t>(words)};
  for (std::size_t leaf = 0; leaf < margins.leaves.size(); ++leaf) {
    for (std::size_t id = 0; id < words; ++id) {
      const std::int64_t count = counts[leaf * words + id];
      margins.leaves[leaf] += count;
      margins.words[id] += count;
    }
    margins.all += margins.leaves[leaf];
  }
  return margins;
}

bool comes_first(const LeafToken& a, const LeafToken& b) {
  return std::tuple(-a.pmi, -a.count, a.id) < std::tuple(-b.pmi, -b.count, b.id);
}

}  // namespace

std::vector<std::vector<LeafToken>> leaf_words(std::span<const std::uint32_t> counts, std::size_t leaves,
                                               const text::Tokenizer& tokenizer,
                                               const WordsOptions& options) {
  const std::size_t words = counts.size() / leaves;
  const Margins margins = margins_of(counts, words);
  std::vector<std::vector<LeafToken>> result(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    std::vector<LeafToken>& found = result[leaf];
    for (std::size_t id = 0; id < words; ++id) {
      const std::int64_t count = counts[leaf * words + id];
      if (count < options.min_count || count == 0) continue;
      const double pmi =
          metrics::pointwise_mutual_information(count, margins.leaves[leaf], margins.words[id], margins.all);
      if (pmi <= 0) continue;
      found.push_back({"", static_cast<std::int64_t>(id), count,
                       static_cast<double>(count) / static_cast<double>(margins.words[id]), pmi});
    }
    const std::size_t kept = std::min(found.size(), static_cast<std::size_t>(options.top));
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                      comes_first);
    found.resize(kept);
    for (LeafToken& token : found) token.token = tokenizer.token(static_cast<std::int32_t>(token.id));
  }
  return result;
}

}  // namespace espalier::model
