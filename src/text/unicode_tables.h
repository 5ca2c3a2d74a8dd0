// Code points where Hugging Face's `tokenizers` and Unicode 15, which utf8proc follows, differ. Found by
// asking release 0.22 for every code point.
#pragma once

#include <cstdint>
#include <span>

namespace espalier::text {

struct CodeRange {
  char32_t low;
  char32_t high;
};

// `unicode_categories` (BERT's parts) stopped at Unicode 8, `unicode-normalization-alignments` (normalization
// forms, StripAccents) at Unicode 9. In these ranges the answer is the opposite of Unicode 15's.
extern const std::span<const CodeRange> kPunctuationDiffers;  // general category P
extern const std::span<const CodeRange> kMarkDiffers;         // M, for StripAccents
extern const std::span<const CodeRange> kNonspacingDiffers;   // Mn, for BertNormalizer
extern const std::span<const CodeRange> kControlDiffers;      // Cc, Cf, Co, Cs
extern const std::span<const CodeRange> kNeverDecomposed;     // left alone by NFD and NFKD

// Regular expressions and lower case follow later versions: word characters since Unicode 15, and capitals
// since then with the distance to their small letters.
struct CaseRange {
  char32_t low;
  char32_t high;
  std::int32_t distance;
};
extern const std::span<const CodeRange> kLaterWordCharacters;
extern const std::span<const CaseRange> kLaterCapitals;

// The ranges are sorted and disjoint.
bool in_ranges(char32_t code, std::span<const CodeRange> ranges);

}  // namespace espalier::text
