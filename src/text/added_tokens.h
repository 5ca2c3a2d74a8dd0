// Finds special tokens inside a text, as Hugging Face's AddedVocabulary does.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "espalier/text/tokenizer_model.h"
#include "text/trie.h"

namespace espalier::text {

class AddedTokens {
 public:
  struct Token {
    std::string_view content;   // what is looked for; only read while constructing
    const SpecialToken* rules;  // must outlive this object
  };
  AddedTokens() = default;
  explicit AddedTokens(std::span<const Token> tokens);

  // Calls on_text(std::string_view) and on_token(id) in the order of the text. Leftmost, longest first.
  template <class OnText, class OnToken>
  void split(std::string_view text, OnText&& on_text, OnToken&& on_token) const {
    std::size_t done = 0;
    for (std::size_t from = 0; !rules_.empty();) {
      Found found = find(text, from);
      if (found.rules == nullptr) break;
      from = found.end;
      if (!extend(text, done, found)) continue;
      if (done < found.begin) on_text(text.substr(done, found.begin - done));
      on_token(found.rules->id);
      done = found.end;
    }
    if (done < text.size()) on_text(text.substr(done));
  }

 private:
  struct Found {
    const SpecialToken* rules = nullptr;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  Found find(std::string_view text, std::size_t from) const;
  // Applies single_word (false: no match after all), lstrip and rstrip. `done` is where the last token ended.
  static bool extend(std::string_view text, std::size_t done, Found& found);

  std::vector<const SpecialToken*> rules_;
  Trie trie_;  // content -> index into rules_
  std::array<char, 256> starts_{};
  int only_start_ = -1;  // the first byte of all, if they share it
};

}  // namespace espalier::text
