// Whether a tokenizer can read the texts it is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "espalier/text/tokenizer.h"

namespace espalier::text {

// Counts texts of which a tokenizer keeps less than a tenth of the letters and digits, be it that its
// normalizer deletes them or that its vocabulary lacks them. Texts of ASCII alone count as read.
class UnreadTexts {
 public:
  explicit UnreadTexts(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  void add(std::string_view text);

  std::int64_t count() const { return count_; }
  // "3 of 10 texts lose ...", with the beginning of the first; empty if there is none.
  std::string warning() const;

 private:
  Tokenizer tokenizer_;  // shares its state
  std::int64_t texts_ = 0;
  std::int64_t count_ = 0;
  std::string first_;
};

}  // namespace espalier::text
