#include "model/encoded_text.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::model {

EncodedText encode_cut(const LoadedModel& model, std::string_view text, std::optional<std::string_view> pair,
                       const TextEncoding& encoding, std::int64_t longest) {
  const text::Tokenizer& tokenizer = model.require_tokenizer();
  EncodedText encoded{encode_texts(tokenizer, text, pair, encoding), false};
  if (static_cast<std::int64_t>(encoded.sequence.ids.size()) > longest) {
    try {
      encoded.sequence = encode_texts(tokenizer, text, pair, encoding, longest);
    } catch (const InputError& error) {  // no room for what the template adds
      throw InputError(fmt::format("{}: {}", model.source.string(), error.what()));
    }
    encoded.truncated = true;
  }
  if (encoded.sequence.ids.empty()) {
    throw InputError(
        fmt::format("an empty text, to which the tokenizer of {} adds nothing", model.source.string()));
  }
  return encoded;
}

}  // namespace espalier::model
