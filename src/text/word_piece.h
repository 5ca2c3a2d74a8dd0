// Greedy longest-match-first WordPiece (Wu et al. 2016) over a trie of the vocabulary.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "espalier/text/tokenizer_model.h"
#include "text/trie.h"
#include "text/utf8.h"

namespace espalier::text {

class WordPiece {
 public:
  // Keeps views into `model.vocabulary` only while constructing. Throws InputError for an empty vocabulary, a
  // token twice, or a missing unknown token.
  explicit WordPiece(const TokenizerModel& model);

  std::int32_t unknown_id() const { return unknown_id_; }
  std::int32_t find(std::string_view token) const { return trie_.find(token); }

  // Appends the ids of one word; a single unknown id where some part of it matches nothing.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    if (word.size() > max_characters_ && count_code_points(word) > max_characters_) {
      ids.push_back(unknown_id_);
      return;
    }
    const std::size_t before = ids.size();
    std::int32_t node = Trie::kRoot;
    do {
      const Trie::Match match = node == Trie::kNone ? Trie::Match{} : trie_.longest(word, node);
      if (match.length == 0) {
        ids.resize(before);
        ids.push_back(unknown_id_);
        return;
      }
      ids.push_back(match.value);
      word.remove_prefix(match.length);
      node = continuation_;
    } while (!word.empty());
  }

 private:
  Trie trie_;
  std::int32_t continuation_;  // the node of the continuation prefix
  std::int32_t unknown_id_;
  std::size_t max_characters_;
};

}  // namespace espalier::text
