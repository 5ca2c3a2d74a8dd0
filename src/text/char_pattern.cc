#include "text/char_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "espalier/base/error.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMostRepeats = 100'000;  // Oniguruma's limit

const CodeRange kWhiteSpace[] = {{0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                                 {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                 {0x205F, 0x205F}, {0x3000, 0x3000}};

// Sorted, and what touches or overlaps joined.
std::vector<CodeRange> joined(std::vector<CodeRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.low < b.low; });
  std::vector<CodeRange> result;
  for (const CodeRange& range : ranges) {
    if (!result.empty() && range.low <= result.back().high + 1) {
      result.back().high = std::max(result.back().high, range.high);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

}  // namespace

class CharPattern::Parser {
 public:
  Parser(const std::string& expression, CharPattern& pattern) : text_(expression), pattern_(pattern) {}

  void run() {
    if (!is_utf8(text_)) fail("it is not UTF-8");
    if (at_end()) fail("it is empty");
    parse_set();
    parse_quantifier();
    if (!at_end()) fail(fmt::format("\"{}\" follows it", text_.substr(position_)));
    pattern_.ranges_ = joined(std::move(pattern_.ranges_));
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(fmt::format(
        "Replace: the regular expression \"{}\" is not supported: {}. Supported are one character or one "
        "class, optionally repeated, as in \" {{2,}}\", \"\\s+\", \"[^\\x00-\\x7F]+\"",
        text_, why));
  }
  bool at_end() const { return position_ == text_.size(); }
  bool accept(char c) {
    const bool found = !at_end() && text_[position_] == c;
    position_ += found ? 1 : 0;
    return found;
  }
  char32_t next() {
    if (at_end()) fail("it ends too early");
    return next_code_point(text_, position_);
  }

  void parse_set() {
    if (accept('[')) {
      parse_class();
      return;
    }
    const char32_t code = next();
    if (code < 0x80 &&
        std::string_view(".^$|()*+?{}]").find(static_cast<char>(code)) != std::string_view::npos) {
      fail(fmt::format("\"{}\" has a meaning of its own there", static_cast<char>(code)));
    }
    if (const auto single = code == '\\' ? parse_escape() : code) add(*single, *single);
  }

  void parse_class() {
    pattern_.inverted_ = accept('^');
    bool first = true;
    while (first || !accept(']')) {
      first = false;
      const std::optional<char32_t> low = parse_class_item();
      const bool range =
          position_ + 1 < text_.size() && text_[position_] == '-' && text_[position_ + 1] != ']';
      if (!range) {
        if (low) add(*low, *low);
        continue;
      }
      accept('-');
      const std::optional<char32_t> high = parse_class_item();
      if (!low || !high || *high < *low) fail("a range in its class has no order");
      add(*low, *high);
    }
  }

  // A code point, or nothing where the item was a class of its own (\s).
  std::optional<char32_t> parse_class_item() {
    const char32_t code = next();
    if (code == '\\') return parse_escape();
    if (code == '[' || code == ']' || code == '&') fail("its class is not a plain list");
    return code;
  }

  std::optional<char32_t> parse_escape() {
    const char32_t code = next();
    switch (code) {
      case 's':
        pattern_.ranges_.insert(pattern_.ranges_.end(), std::begin(kWhiteSpace), std::end(kWhiteSpace));
        return std::nullopt;
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'x':
        return parse_hex();
      default:
        break;
    }
    const bool is_letter_or_digit =
        (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');
    if (is_letter_or_digit || code >= 0x80) fail("it has an unknown escape");
    return code;
  }

  // \xHH below 0x80, \x{H...} for all.
  char32_t parse_hex() {
    const bool braces = accept('{');
    char32_t value = 0;
    int digits = 0;
    while (!at_end() && digits < (braces ? 6 : 2)) {
      const std::size_t digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(text_[position_] | 0x20));
      if (digit == std::string_view::npos) break;
      value = value * 16 + static_cast<char32_t>(digit);
      ++position_;
      ++digits;
    }
    if (digits == 0 || (braces && !accept('}')) || value > (braces ? 0x10FFFFU : 0x7FU)) {
      fail("it has a wrong \\x");
    }
    return value;
  }

  void parse_quantifier() {
    if (accept('+')) {
      pattern_.most_ = kUnbounded;
    } else if (accept('{')) {
      pattern_.least_ = pattern_.most_ = parse_number();
      if (accept(',')) pattern_.most_ = !at_end() && text_[position_] == '}' ? kUnbounded : parse_number();
      if (!accept('}')) fail("its repetition is not {n}, {n,} or {n,m}");
      if (pattern_.least_ == 0 || pattern_.most_ < pattern_.least_) fail("its repetition is out of range");
    }
  }

  std::uint64_t parse_number() {
    std::uint64_t value = 0;
    const std::size_t begin = position_;
    while (!at_end() && text_[position_] >= '0' && text_[position_] <= '9' && value <= kMostRepeats) {
      value = value * 10 + static_cast<std::uint64_t>(text_[position_++] - '0');
    }
    if (position_ == begin || value > kMostRepeats) fail("its repetition is not a number up to 100000");
    return value;
  }

  void add(char32_t low, char32_t high) { pattern_.ranges_.push_back({low, high}); }

  const std::string& text_;
  CharPattern& pattern_;
  std::size_t position_ = 0;
};

CharPattern::CharPattern(const std::string& expression) {
  Parser(expression, *this).run();
  for (char32_t code = 0; code < 0x80; ++code) {
    ascii_[code] = in_ranges(code, ranges_) != inverted_ ? 1 : 0;
    any_ascii_ = any_ascii_ || ascii_[code];
  }
}

std::size_t CharPattern::find_member(std::string_view text, std::size_t begin) const {
  std::size_t i = any_ascii_ ? begin : find_non_ascii(text, begin);
  while (i < text.size()) {
    std::size_t next = i;
    if (contains(next_code_point(text, next))) return i;
    i = any_ascii_ ? next : find_non_ascii(text, next);
  }
  return text.size();
}

std::size_t CharPattern::match_end(std::string_view text, std::size_t begin) const {
  std::size_t end = begin;
  std::uint64_t count = 0;
  while (count < most_ && end < text.size()) {
    std::size_t next = end;
    if (!contains(next_code_point(text, next))) break;
    end = next;
    ++count;
  }
  return count >= least_ ? end : begin;
}

bool CharPattern::replace(std::string_view text, std::string_view content, std::string& out) const {
  bool found = false;
  std::size_t kept = 0;  // what lies before is in `out`
  for (std::size_t i = find_member(text, 0); i < text.size(); i = find_member(text, i)) {
    const std::size_t end = match_end(text, i);
    if (end == i) {
      // A run too short to match: it can't match from its middle either.
      while (i < text.size()) {
        std::size_t next = i;
        if (!contains(next_code_point(text, next))) break;
        i = next;
      }
      continue;
    }
    if (!found) out.clear();
    found = true;
    out.append(text.substr(kept, i - kept)).append(content);
    i = kept = end;
  }
  if (found) out.append(text.substr(kept));
  return found;
}

}  // namespace espalier::text
