// How texts become the sequences that a model reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "espalier/nn/options.h"
#include "espalier/text/tokenizer.h"

namespace espalier::model {

struct TextEncoding {
  bool types = false;      // the model has several token types
  bool empty_pair = true;  // a single text is a pair with an empty second part, <cls> A <sep> <sep>
};

// For a classifier. A crammed BERT reads single texts as the original encodes them.
TextEncoding classifier_encoding(const nn::EncoderOptions& arch);
// For all else: a single text in the tokenizer's own template.
TextEncoding single_encoding(const nn::EncoderOptions& arch);

// One text, or a pair, in the tokenizer's template. Of a pair the longer part is cut first; max_length 0: no
// limit. Without `types` the encoding has no type ids.
text::Encoding encode_texts(const text::Tokenizer& tokenizer, std::string_view text,
                            std::optional<std::string_view> pair, const TextEncoding& encoding,
                            std::int64_t max_length = 0);

}  // namespace espalier::model
