#include "text/word_piece.h"

#include <fmt/format.h>

#include <limits>

#include "espalier/base/error.h"

namespace espalier::text {

namespace {

Trie trie_of(const std::vector<std::string>& vocabulary) {
  if (vocabulary.empty()) throw InputError("tokenizer: the vocabulary is empty");
  if (vocabulary.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw InputError("tokenizer: the vocabulary has more than 2^31 - 1 tokens");
  }
  std::vector<Trie::Entry> entries;
  entries.reserve(vocabulary.size());
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    if (!is_utf8(vocabulary[id])) throw InputError(fmt::format("tokenizer: token {} is not UTF-8", id));
    entries.emplace_back(vocabulary[id], static_cast<std::int32_t>(id));
  }
  Trie trie(entries);
  for (const auto& [token, id] : entries) {
    const std::int32_t first = trie.find(token);
    if (first != id) {
      throw InputError(fmt::format("tokenizer: the token \"{}\" is in the vocabulary twice, as {} and {}",
                                   token, first, id));
    }
  }
  return trie;
}

}  // namespace

WordPiece::WordPiece(const TokenizerModel& model)
    : trie_(trie_of(model.vocabulary)),
      continuation_(trie_.descend(model.continuation_prefix)),
      unknown_id_(trie_.find(model.unknown_token)) {
  if (unknown_id_ < 0) {
    throw InputError(fmt::format(
        "tokenizer: the unknown token \"{}\" is not among the {} tokens of the vocabulary: add it, or name "
        "another as unk_token",
        model.unknown_token, model.vocabulary.size()));
  }
  if (model.max_word_characters < 0) {
    throw InputError(fmt::format("tokenizer: max_word_characters must not be negative, got {}",
                                 model.max_word_characters));
  }
  max_characters_ = static_cast<std::size_t>(model.max_word_characters);
}

}  // namespace espalier::text
