#include "text/unicode.h"

#include <utf8proc.h>

#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

bool between(char32_t code, char32_t low, char32_t high) {
  return code >= low && code <= high;
}

// Circled and squared letters: symbols by category, yet Alphabetic.
bool is_enclosed_letter(char32_t code) {
  return between(code, 0x24B6, 0x24E9) || between(code, 0x1F130, 0x1F149) ||
         between(code, 0x1F150, 0x1F169) || between(code, 0x1F170, 0x1F189);
}

}  // namespace

bool is_white_space(char32_t code) {
  if (code < 0x80) return code == ' ' || between(code, 0x09, 0x0D);
  return code == 0x85 || code == 0xA0 || code == 0x1680 || between(code, 0x2000, 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_word_character(char32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return code == 0x200C || code == 0x200D || is_enclosed_letter(code) ||
             in_ranges(code, kLaterWordCharacters);
  }
}

bool is_letter_or_number(char32_t code) {
  const utf8proc_category_t own = category(code);
  return (own >= UTF8PROC_CATEGORY_LU && own <= UTF8PROC_CATEGORY_LO) ||
         (own >= UTF8PROC_CATEGORY_ND && own <= UTF8PROC_CATEGORY_NO);
}

bool is_punctuation_or_symbol(char32_t code) {
  const utf8proc_category_t own = category(code);
  return own >= UTF8PROC_CATEGORY_PC && own <= UTF8PROC_CATEGORY_SO;
}

bool is_bert_punctuation(char32_t code) {
  if (code < 0x80) {
    return between(code, 0x21, 0x2F) || between(code, 0x3A, 0x40) || between(code, 0x5B, 0x60) ||
           between(code, 0x7B, 0x7E);
  }
  const utf8proc_category_t own = category(code);
  const bool current = own >= UTF8PROC_CATEGORY_PC && own <= UTF8PROC_CATEGORY_PO;
  return current != in_ranges(code, kPunctuationDiffers);
}

bool is_combining_mark(char32_t code) {
  const utf8proc_category_t own = category(code);
  const bool current = own >= UTF8PROC_CATEGORY_MN && own <= UTF8PROC_CATEGORY_ME;
  return current != in_ranges(code, kMarkDiffers);
}

bool is_nonspacing_mark(char32_t code) {
  return (category(code) == UTF8PROC_CATEGORY_MN) != in_ranges(code, kNonspacingDiffers);
}

bool is_control(char32_t code) {
  const utf8proc_category_t own = category(code);
  const bool current = own >= UTF8PROC_CATEGORY_CC && own <= UTF8PROC_CATEGORY_CO;
  return current != in_ranges(code, kControlDiffers);
}

bool is_cjk_ideograph(char32_t code) {
  return between(code, 0x4E00, 0x9FFF) || between(code, 0x3400, 0x4DBF) || between(code, 0x20000, 0x2A6DF) ||
         between(code, 0x2A700, 0x2B73F) || between(code, 0x2B740, 0x2B81F) ||
         between(code, 0x2B920, 0x2CEAF) || between(code, 0xF900, 0xFAFF) || between(code, 0x2F800, 0x2FA1F);
}

void append_lowercase(char32_t code, std::string& text) {
  auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(code));
  for (const CaseRange& range : kLaterCapitals) {
    if (between(code, range.low, range.high)) lower = static_cast<utf8proc_int32_t>(code) + range.distance;
  }
  append_utf8(static_cast<char32_t>(lower), text);
  if (code == 0x130) append_utf8(0x307, text);
}

}  // namespace espalier::text
