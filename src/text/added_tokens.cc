#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace espalier::text {

AddedTokens::AddedTokens(std::span<const Token> tokens) {
  std::vector<Trie::Entry> entries;
  for (const Token& token : tokens) {
    if (token.content.empty()) continue;
    entries.emplace_back(token.content, static_cast<std::int32_t>(rules_.size()));
    rules_.push_back(token.rules);
    starts_[static_cast<unsigned char>(token.content.front())] = 1;
  }
  trie_ = Trie(entries);
  if (std::count(starts_.begin(), starts_.end(), 1) == 1) {
    only_start_ = static_cast<int>(std::find(starts_.begin(), starts_.end(), 1) - starts_.begin());
  }
}

AddedTokens::Found AddedTokens::find(std::string_view text, std::size_t from) const {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (only_start_ >= 0) {
      const void* next = std::memchr(text.data() + i, only_start_, text.size() - i);
      if (next == nullptr) break;
      i = static_cast<std::size_t>(static_cast<const char*>(next) - text.data());
    } else if (starts_[static_cast<unsigned char>(text[i])] == 0) {
      continue;
    }
    const Trie::Match match = trie_.longest(text.substr(i));
    if (match.length > 0) return {rules_[static_cast<std::size_t>(match.value)], i, i + match.length};
  }
  return {};
}

bool AddedTokens::extend(std::string_view text, std::size_t done, Found& found) {
  const SpecialToken& rules = *found.rules;
  const auto before = [&](std::size_t position) {
    std::size_t start = previous_code_point(text, position);
    return next_code_point(text, start);
  };
  const auto after = [&](std::size_t position) { return next_code_point(text, position); };
  if (rules.single_word) {
    if (found.begin > 0 && is_word_character(before(found.begin))) return false;
    if (found.end < text.size() && is_word_character(after(found.end))) return false;
  }
  if (rules.lstrip) {
    std::size_t begin = found.begin;
    while (begin > 0 && is_white_space(before(begin))) begin = previous_code_point(text, begin);
    found.begin = std::max(begin, done);
  }
  if (rules.rstrip) {
    while (found.end < text.size() && is_white_space(after(found.end))) next_code_point(text, found.end);
  }
  return true;
}

}  // namespace espalier::text
