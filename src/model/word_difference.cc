#include "model/word_difference.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/io/tokenizer_json.h"

namespace espalier::model {

std::string word_difference(const std::string& a, const std::string& where_a, const std::string& b,
                            const std::string& where_b) {
  if (a == b || a.empty() || b.empty()) return "";
  const text::Tokenizer first = io::parse_tokenizer(a, where_a + ": tokenizer.json");
  const text::Tokenizer second = io::parse_tokenizer(b, where_b + ": tokenizer.json");
  const std::int32_t common = std::min(first.vocabulary_size(), second.vocabulary_size());
  for (std::int32_t id = 0; id < common; ++id) {
    if (first.token(id) == second.token(id)) continue;
    return fmt::format("word {} is `{}` in {} but `{}` in {}", id, first.token(id), where_a, second.token(id),
                       where_b);
  }
  if (first.vocabulary_size() == second.vocabulary_size()) return "";
  return fmt::format("{} has {} words but {} has {}", where_a, first.vocabulary_size(), where_b,
                     second.vocabulary_size());
}

}  // namespace espalier::model
