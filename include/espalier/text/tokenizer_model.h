// Everything a tokenizer.json says, as plain data. `Tokenizer` runs it; `io::parse_tokenizer_json` and
// `io::tokenizer_json` read and write it. The parts and their meaning follow Hugging Face's `tokenizers`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace espalier::text {

// --- Normalizer: steps over the whole text, one after the other -------------------------------------------

// Every occurrence of `pattern` becomes `content`, left to right, without overlap.
struct ReplaceString {
  std::string pattern;
  std::string content;
};
// As above for a regular expression. Supported: one character or one class, optionally repeated: `\s+`,
// ` {2,}`, `[^\x00-\x7F]+`, `[\n\r]`.
struct ReplaceRegex {
  std::string pattern;
  std::string content;
};
// The normalization forms of Unicode Standard Annex 15.
enum class UnicodeForm { kNfd, kNfc, kNfkd, kNfkc };
struct Lowercase {};
// Removes all combining marks (general category M); normally after NFD.
struct StripAccents {};
// BERT's own cleaning. `strip_accents` follows `lowercase` where it is not given.
struct BertNormalizer {
  bool clean_text = true;                 // drop control characters, turn white space into blanks
  bool handle_chinese_characters = true;  // blanks around every CJK ideograph
  std::optional<bool> strip_accents;
  bool lowercase = true;
};

using NormalizerStep =
    std::variant<ReplaceString, ReplaceRegex, UnicodeForm, Lowercase, StripAccents, BertNormalizer>;
// No step: the text stays as it is.
struct NormalizerSpec {
  std::vector<NormalizerStep> steps;
};

// --- Pre-tokenizer: cuts the text into words
// ----------------------------------------------------------------

enum class PreTokenizerStep {
  kWhitespace,       // the pieces of \w+|[^\w\s]+
  kWhitespaceSplit,  // cut at white space
  kBert,             // cut at white space, and every punctuation character is a word
};
// Each step cuts the words of the one before. No step: the whole text is one word.
struct PreTokenizerSpec {
  std::vector<PreTokenizerStep> steps;
};

// --- Special tokens and templates
// -----------------------------------------------------------------------------

// A token that is recognised in the raw text before anything else happens (`added_tokens` of a file).
struct SpecialToken {
  std::int32_t id = 0;
  std::string content;
  bool special = true;       // left out by decode(skip_special_tokens)
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // swallows white space on its left
  bool rstrip = false;       // ... and on its right
  bool normalized = false;   // looked for in the normalized text instead
};

struct TemplatePiece {
  enum class Kind { kSequenceA, kSequenceB, kTokens };
  Kind kind = Kind::kSequenceA;
  std::string name;               // kTokens: the name within the file, usually the token itself
  std::vector<std::int32_t> ids;  // kTokens: what is inserted
  std::int32_t type_id = 0;
};
struct Template {
  std::vector<TemplatePiece> pieces;
};

// Joins tokens to text: the prefix is cut off, other tokens get a blank before them; `cleanup` removes blanks
// before punctuation and contractions, token by token (so "don ' t" stays: see Tokenizer::clean_up).
struct WordPieceDecoder {
  std::string prefix = "##";
  bool cleanup = true;
};

// --- The whole
// ----------------------------------------------------------------------------------------------

struct TokenizerModel {
  NormalizerSpec normalizer;
  PreTokenizerSpec pre_tokenizer;

  std::vector<std::string> vocabulary;  // WordPiece: id -> token
  std::string unknown_token = "<unk>";
  std::string continuation_prefix = "##";
  int max_word_characters = 100;  // longer words, counted after normalization, are unknown

  // Ids beyond the vocabulary extend it and must follow it without a gap.
  std::vector<SpecialToken> special_tokens;
  Template single;
  Template pair;
  std::optional<WordPieceDecoder> decoder;  // none: tokens joined by blanks
};

// <pad> <s> </s> <unk> <cls> <sep> <mask>, the special tokens of crammed BERT in the order of their ids.
const std::vector<std::string>& crammed_bert_special_tokens();

// The normalizer of crammed BERT: quotes unified, accents stripped, lower case, runs of blanks to one, all
// else that is not ASCII deleted (pbelcak/UltraFastBERT, training/cramming/data/tokenizer_preparation.py).
NormalizerSpec crammed_bert_normalizer();

// BERT's normalizer and pre-tokenizer as on the hub (transformers' BertTokenizer): accents go with lower
// case. They keep every script; `lowercase` false is that of cased models.
NormalizerSpec bert_normalizer(bool lowercase);
PreTokenizerSpec bert_pre_tokenizer();

// The whole pipeline of crammed BERT around a vocabulary: templates `A <sep>` and `<cls> A <sep> B <sep>`,
// all of type 0. Throws InputError if one of the special tokens is missing from the vocabulary.
TokenizerModel crammed_bert_tokenizer(std::vector<std::string> vocabulary);

}  // namespace espalier::text
