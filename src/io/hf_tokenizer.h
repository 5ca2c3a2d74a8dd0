// The files that transformers wants beside tokenizer.json.
#pragma once

#include "espalier/io/json.h"
#include "espalier/text/tokenizer_model.h"

namespace espalier::io {

// special_tokens_map.json: which special token plays which role ("mask_token": "<mask>").
Json hf_special_tokens_map(const text::TokenizerModel& tokenizer);

// tokenizer_config.json; `max_length` is the longest sequence of the model.
Json hf_tokenizer_config(const text::TokenizerModel& tokenizer, std::int64_t max_length);

}  // namespace espalier::io
