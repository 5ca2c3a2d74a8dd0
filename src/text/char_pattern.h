// The regular expressions that Replace accepts: one character or one class, optionally repeated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode_tables.h"

namespace espalier::text {

// A set of code points, and how many of them in a row make a match.
class CharPattern {
 public:
  // Throws InputError with the expression and what of it is not supported.
  explicit CharPattern(const std::string& expression);

  // Replaces every match, leftmost and longest. Returns false, with nothing written, if there is none.
  bool replace(std::string_view text, std::string_view content, std::string& out) const;

  bool contains(char32_t code) const {
    return code < 0x80 ? ascii_[code] : in_ranges(code, ranges_) != inverted_;
  }

 private:
  class Parser;
  // End of the longest match at `begin`; `begin` itself if there is none.
  std::size_t match_end(std::string_view text, std::size_t begin) const;
  // The next position at or after `begin` that can start a match.
  std::size_t find_member(std::string_view text, std::size_t begin) const;

  std::vector<CodeRange> ranges_;
  bool inverted_ = false;
  std::vector<char> ascii_ = std::vector<char>(0x80, 0);
  bool any_ascii_ = false;
  std::uint64_t least_ = 1;
  std::uint64_t most_ = 1;
};

}  // namespace espalier::text
