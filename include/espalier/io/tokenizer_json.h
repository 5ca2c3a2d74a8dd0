// The tokenizer.json of Hugging Face's `tokenizers`, for WordPiece models.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "espalier/io/json.h"
#include "espalier/text/tokenizer.h"
#include "espalier/text/tokenizer_model.h"

namespace espalier::io {

// Reads a tokenizer.json. Understood are
// - normalizer: null, Sequence, Replace, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, BertNormalizer;
// - pre_tokenizer: null, Sequence, Whitespace, WhitespaceSplit, BertPreTokenizer;
// - model: WordPiece;
// - post_processor: null, TemplateProcessing, BertProcessing;
// - decoder: null, WordPiece.
// `truncation` and `padding` are left to the caller of the tokenizer, as transformers does. Throws InputError
// with `where` (a path) and the place in the document for anything else, naming it.
text::TokenizerModel parse_tokenizer_json(std::string_view json, const std::string& where);

// The tokenizer itself, from a document or a file. Errors of the model's content carry `where` too.
text::Tokenizer parse_tokenizer(std::string_view json, const std::string& where);
text::Tokenizer read_tokenizer(const std::filesystem::path& path);

// What of `truncation` and `padding` a document has: "truncation to 128 tokens and padding to 128 tokens", or
// "". Of such a document the `tokenizers` library makes as many ids of every text, whatever the model takes.
std::string length_sections(std::string_view json, const std::string& where);
// The document with both null; to the byte the same where they are already.
std::string without_length_sections(std::string json, const std::string& where);

// The document of the same tokenizer that lower-cases before all else; as it is where it does at some step
// already.
std::string with_lower_case(std::string json, const std::string& where);

// The template of single texts in a document, null where it has none of its own; and the document with
// another one.
Json single_template(std::string_view json, const std::string& where);
std::string with_single_template(std::string json, const Json& pieces, const std::string& where);
// That of pairs with nothing for the second part: what a model reads to which a single text is a pair with an
// empty one.
Json empty_pair_template(std::string_view json, const std::string& where);

// The document for a model, laid out as Hugging Face writes it. Post-processors become TemplateProcessing.
std::string tokenizer_json(const text::TokenizerModel& model);

}  // namespace espalier::io
