// Text to token ids and back, equal to Hugging Face's `tokenizers` on every valid UTF-8 text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/text/tokenizer_model.h"

namespace espalier::text {

struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;  // as the template says, one for each id
};

// Immutable; copies share one state; every method may be called from many threads at once.
// Bytes that are not UTF-8 are read as U+FFFD, one for each maximal ill-formed part (Unicode 15, 3.9, as
// Python's errors="replace").
class Tokenizer {
 public:
  // Throws InputError that names what is wrong with the model: a token twice, no unknown token, a special
  // token whose id is not the vocabulary's, ids with gaps, a template with an id that does not exist ...
  explicit Tokenizer(TokenizerModel model);

  const TokenizerModel& model() const;

  // Number of ids, special tokens beyond the WordPiece vocabulary included.
  std::int32_t vocabulary_size() const;
  // The text of an id within [0, vocabulary_size()); of a token that is looked for in the normalized text, as
  // it is found there.
  std::string_view token(std::int32_t id) const;
  std::optional<std::int32_t> find(std::string_view token) const;
  // Throw InputError where the tokenizer has no such token.
  std::int32_t pad_id() const;
  std::int32_t unk_id() const;
  std::int32_t sep_id() const;
  std::int32_t mask_id() const;
  bool is_special(std::int32_t id) const;

  // The ids of a text: no template, but special tokens within the text are recognised.
  std::vector<std::int32_t> encode(std::string_view text) const;
  // The same, appended to `ids`.
  void encode_to(std::string_view text, std::vector<std::int32_t>& ids) const;

  // One text, or a pair, in its template. With max_length > 0 the result has at most that many ids: of a pair
  // the longer part is cut first (`longest_first`), always at its end. Throws InputError if max_length is
  // less than the template alone needs.
  Encoding encode_with_types(std::string_view a, std::optional<std::string_view> b = std::nullopt,
                             int max_length = 0) const;

  // Ids outside the vocabulary are left out, as Hugging Face does.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const;
  // What transformers does after decode() where clean_up_tokenization_spaces is set: `don ' t` -> `don't`.
  static std::string clean_up(std::string text);

  // The first two stages alone: the normalized text, and its words. Special tokens are not looked for.
  std::string normalize(std::string_view text) const;
  std::vector<std::string> words(std::string_view text) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace espalier::text
