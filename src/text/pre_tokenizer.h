// Runs a PreTokenizerSpec: calls back with each word of a normalized text.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "espalier/base/parallel.h"
#include "espalier/text/tokenizer_model.h"
#include "text/utf8.h"

namespace espalier::text {

// What a character does in a cut: separates words, joins with its own kind, or stands alone.
enum class WordRole : std::uint8_t { kSeparator, kFirstKind, kSecondKind, kAlone };

class PreTokenizer {
 public:
  explicit PreTokenizer(const PreTokenizerSpec& spec);

  // use(std::string_view word) for every word, in order. `text` must be UTF-8.
  template <class Use>
  void for_each_word(std::string_view text, Use&& use) const {
    if (cuts_.empty()) {
      if (!text.empty()) use(text);
    } else if (cuts_.size() == 1) {
      cut(cuts_.front(), text, use);
    } else {
      cut_from(0, text, use);
    }
  }

 private:
  struct Cut {
    std::array<WordRole, 0x80> ascii;
    WordRole (*role)(char32_t code);
  };

  template <class Use>
  static void cut(const Cut& step, std::string_view text, Use& use) {
    std::size_t begin = 0;
    WordRole open = WordRole::kSeparator;  // the kind of the word that begins at `begin`
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t at = i;
      WordRole role;
      if (is_ascii(text[i])) {
        role = step.ascii[static_cast<unsigned char>(text[i++])];
      } else {
        role = step.role(next_code_point(text, i));
      }
      if (role == open && role != WordRole::kAlone) continue;
      if (open != WordRole::kSeparator) use(text.substr(begin, at - begin));
      begin = at;
      open = role;
    }
    if (open != WordRole::kSeparator) use(text.substr(begin));
  }

  void cut_from(std::size_t index, std::string_view text, FunctionRef<void(std::string_view)> use) const;

  std::vector<Cut> cuts_;
};

}  // namespace espalier::text
