// The tokenizer of whatever holds one.
#pragma once

#include <filesystem>
#include <string>

#include "espalier/text/tokenizer_model.h"

namespace espalier::io {

// The text of the tokenizer.json that `path` means: a tokenizer.json; a checkpoint or token store (.h5); a
// run folder (its last.h5), a folder of `espalier prepare` or a Hugging Face folder, with tokenizer.json or
// with vocab.txt alone, and with lower case where it is one of sentence-transformers that asks for that.
// InputError for anything else, saying what it may be.
std::string tokenizer_json_of(const std::filesystem::path& path);

// BERT's tokenizer around the vocab.txt of a folder (a token a line), as transformers converts one:
// BertNormalizer and templates [CLS] A [SEP] and [CLS] A [SEP] B [SEP] of types 0 and 1, with what
// tokenizer_config.json and special_tokens_map.json beside it say of do_lower_case, strip_accents,
// tokenize_chinese_chars, the names of special tokens and added tokens. InputError: a token twice, or a
// special token missing.
text::TokenizerModel bert_tokenizer_of_vocab(const std::filesystem::path& folder);

}  // namespace espalier::io
