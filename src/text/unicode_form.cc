#include "text/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "espalier/base/error.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

using Codes = std::vector<utf8proc_int32_t>;

bool composes(UnicodeForm form) {
  return form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
}

void decompose(char32_t code, UnicodeForm form, Codes& codes) {
  const auto value = static_cast<utf8proc_int32_t>(code);
  if (in_ranges(code, kNeverDecomposed)) {
    codes.push_back(value);
    return;
  }
  const bool compatible = form == UnicodeForm::kNfkd || form == UnicodeForm::kNfkc;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                      (compatible ? UTF8PROC_COMPAT : 0));
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition, of U+FDFA, has 18
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      value, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), options, &boundary);
  ESPALIER_CHECK(count >= 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()));
  codes.insert(codes.end(), parts.begin(), parts.begin() + count);
}

// Marks younger than the tables of Hugging Face's crate count as letters there.
int combining_class(utf8proc_int32_t code) {
  const int current = utf8proc_get_property(code)->combining_class;
  return current != 0 && in_ranges(static_cast<char32_t>(code), kMarkDiffers) ? 0 : current;
}

// Canonical ordering. utf8proc's own is quadratic in the length of a sequence of marks.
void order_marks(Codes& codes) {
  const auto by_class = [](utf8proc_int32_t a, utf8proc_int32_t b) {
    return combining_class(a) < combining_class(b);
  };
  const auto is_starter = [](utf8proc_int32_t code) { return combining_class(code) == 0; };
  for (auto begin = codes.begin(); begin != codes.end();) {
    begin = std::find_if_not(begin, codes.end(), is_starter);
    const auto end = std::find_if(begin, codes.end(), is_starter);
    if (!std::is_sorted(begin, end, by_class)) std::stable_sort(begin, end, by_class);
    begin = end;
  }
}

void append_codes(std::span<const utf8proc_int32_t> codes, std::string& out) {
  for (const utf8proc_int32_t code : codes) append_utf8(static_cast<char32_t>(code), out);
}

// What composes with nothing before it, though utf8proc may try: U+11A7, right below the trailing consonants
// of Hangul, which version 2.8 takes for one of them; and marks that count as letters.
bool begins_part(utf8proc_int32_t code) {
  return code == 0x11A7 || in_ranges(static_cast<char32_t>(code), kMarkDiffers);
}

// Canonical composition.
void append_composed(std::span<utf8proc_int32_t> codes, std::string& out) {
  constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  while (!codes.empty()) {
    const auto end = std::find_if(codes.begin() + 1, codes.end(), begins_part);
    const std::span<utf8proc_int32_t> part = codes.first(static_cast<std::size_t>(end - codes.begin()));
    const utf8proc_ssize_t count =
        utf8proc_normalize_utf32(part.data(), static_cast<utf8proc_ssize_t>(part.size()), kCompose);
    ESPALIER_CHECK(count >= 0);
    append_codes(part.first(static_cast<std::size_t>(count)), out);
    codes = codes.subspan(part.size());
  }
}

}  // namespace

bool apply_unicode_form(UnicodeForm form, std::string_view text, std::string& out) {
  std::size_t run = find_non_ascii(text);
  if (run == text.size()) return false;
  out.clear();
  Codes codes;
  for (std::size_t begin = 0; begin < text.size(); run = find_non_ascii(text, begin)) {
    out.append(text.substr(begin, run - begin));
    const std::size_t end = find_ascii(text, run);
    codes.clear();
    // An ASCII letter composes with a mark after it, never with anything before it.
    if (composes(form) && run < end && run > begin) {
      codes.push_back(static_cast<unsigned char>(out.back()));
      out.pop_back();
    }
    for (std::size_t i = run; i < end;) decompose(next_code_point(text, i), form, codes);
    order_marks(codes);
    if (composes(form)) {
      append_composed(codes, out);
    } else {
      append_codes(codes, out);
    }
    begin = end;
  }
  return true;
}

}  // namespace espalier::text
