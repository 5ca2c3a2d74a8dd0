// Which tokens a leaf meets more often than by chance.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "espalier/model/tree_reading.h"
#include "espalier/text/tokenizer.h"

namespace espalier::model {

struct WordsOptions {
  std::int64_t top = 10;
  std::int64_t min_count = 20;
};

// Of counts [leaves, words], for each leaf: its tokens of the largest pmi, at most `top`, with at least
// `min_count` occurrences and a pmi above 0. Equal ones: the more frequent first, then by id.
std::vector<std::vector<LeafToken>> leaf_words(std::span<const std::uint32_t> counts, std::size_t leaves,
                                               const text::Tokenizer& tokenizer, const WordsOptions& options);

}  // namespace espalier::model
