// The files that transformers wants beside tokenizer.json.
#pragma once

#include "espalier/io/json.h"
#include "espalier/text/tokenizer_model.h"

namespace espalier::io {

// special_tokens_map.json: which special token plays which role ("mask_token": "<mask>").
Json hf_special_tokens_map(const text::TokenizerModel& tokenizer);

// tokenizer_config.json for a tokenizer.json that transformers 4.41 to 5.23 read alike. `found` is what the
// model came with, which is kept otherwise; null: nothing. `max_length` is the longest sequence of the model.
// - The class is PreTrainedTokenizerFast, which takes tokenizer.json as it is. No 4.x knows the name that 5.x
//   gives it, TokenizersBackend; BertTokenizerFast in 5.x builds another tokenizer from its own defaults.
// - What 5.x writes about its own machine is left out, and `auto_map`, which names Python files.
// - Where a pair's second text has another type, `model_input_names` says so: without it 5.x gives no types.
// - A model that takes no types, DistilBERT, would refuse them: they are left out of the names.
Json hf_tokenizer_config(const text::TokenizerModel& tokenizer, const Json& found, std::int64_t max_length,
                         bool takes_types);

}  // namespace espalier::io
