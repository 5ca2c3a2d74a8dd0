// Properties of code points, with the answers that Hugging Face's `tokenizers` gives. Its parts carry tables
// of different Unicode versions; where they differ from utf8proc's, unicode_tables.cc says so.
#pragma once

#include <string>

namespace espalier::text {

// White_Space.
bool is_white_space(char32_t code);
// \w of regular expressions: Alphabetic, marks, decimal digits, connectors and joiners (UTS 18, annex C).
bool is_word_character(char32_t code);
// General categories L and N.
bool is_letter_or_number(char32_t code);
// General categories P and S.
bool is_punctuation_or_symbol(char32_t code);
// ASCII punctuation and symbols, and general category P elsewhere: what BERT isolates.
bool is_bert_punctuation(char32_t code);
// General category M, as StripAccents has it.
bool is_combining_mark(char32_t code);
// General category Mn, as BertNormalizer has it.
bool is_nonspacing_mark(char32_t code);
// General categories Cc, Cf, Co, Cs.
bool is_control(char32_t code);
bool is_cjk_ideograph(char32_t code);

// Full lower case without context (U+0130 becomes two code points).
void append_lowercase(char32_t code, std::string& text);

}  // namespace espalier::text
