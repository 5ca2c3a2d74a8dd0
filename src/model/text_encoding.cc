#include "espalier/model/text_encoding.h"

namespace espalier::model {

TextEncoding classifier_encoding(const nn::EncoderOptions& arch) {
  TextEncoding encoding = single_encoding(arch);
  encoding.empty_pair = arch.family == nn::Family::kCrammed;
  return encoding;
}

TextEncoding single_encoding(const nn::EncoderOptions& arch) {
  // A model of one type may meet pairs: it has no other vector to give.
  return {.types = arch.embedding.token_types > 1, .empty_pair = false};
}

text::Encoding encode_texts(const text::Tokenizer& tokenizer, std::string_view text,
                            std::optional<std::string_view> pair, const TextEncoding& encoding,
                            std::int64_t max_length) {
  if (!pair && encoding.empty_pair) pair = "";
  text::Encoding encoded = tokenizer.encode_with_types(text, pair, static_cast<int>(max_length));
  if (!encoding.types) encoded.type_ids.clear();
  return encoded;
}

}  // namespace espalier::model
