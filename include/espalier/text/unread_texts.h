// Whether a tokenizer can read the texts it is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "espalier/text/tokenizer.h"

namespace espalier::text {

// Counts texts of which a tokenizer keeps less than a tenth of the letters and digits, be it that its
// normalizer deletes them or that its vocabulary lacks them, and texts without letters, such as emoji, of
// which nothing at all is left. Texts of ASCII alone count as read.
class UnreadTexts {
 public:
  explicit UnreadTexts(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  void add(std::string_view text);

  std::int64_t count() const { return count_; }
  // "3 of 10 texts lose ... ", "3 of 10 texts vanish ...", or both, with the beginning of the first; empty if
  // there is none.
  std::string warning() const;

 private:
  Tokenizer tokenizer_;  // shares its state
  std::int64_t texts_ = 0;
  std::int64_t count_ = 0;
  std::string first_;
  std::int64_t vanished_ = 0;  // without letters
  std::string first_vanished_;
};

}  // namespace espalier::text
