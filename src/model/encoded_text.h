// One text as the sequence that a model reads.
#pragma once

#include <optional>
#include <string_view>

#include "espalier/model/loaded_model.h"
#include "espalier/model/text_encoding.h"

namespace espalier::model {

struct EncodedText {
  text::Encoding sequence;
  bool truncated = false;
};

// Cut to `longest` tokens. InputError: there is no tokenizer, or it makes nothing of an empty text.
EncodedText encode_cut(const LoadedModel& model, std::string_view text, std::optional<std::string_view> pair,
                       const TextEncoding& encoding, std::int64_t longest);

}  // namespace espalier::model
