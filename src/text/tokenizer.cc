#include "espalier/text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>

#include "espalier/base/error.h"
#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/post_process.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "text/word_piece.h"

namespace espalier::text {

struct Tokenizer::State {
  explicit State(TokenizerModel whole);

  void index_special_tokens();
  void build_added_tokens();
  std::optional<std::int32_t> find(std::string_view token) const;
  std::optional<std::int32_t> find_first(std::initializer_list<std::string_view> names) const;

  TokenizerModel model;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  WordPiece word_piece;
  std::vector<std::string_view> tokens;             // by id, as they are looked for in a text
  std::vector<std::string> normalized_contents;     // what some of them point into
  std::vector<char> special;                        // by id
  std::map<std::string_view, std::int32_t> beyond;  // special tokens after the WordPiece vocabulary
  AddedTokens raw_tokens;                           // looked for before normalization
  AddedTokens normalized_tokens;                    // and after
  std::optional<std::int32_t> pad, sep, mask;
};

Tokenizer::State::State(TokenizerModel whole)
    : model(std::move(whole)),
      normalizer(model.normalizer),
      pre_tokenizer(model.pre_tokenizer),
      word_piece(model),
      tokens(model.vocabulary.begin(), model.vocabulary.end()) {
  index_special_tokens();
  build_added_tokens();
  check_templates(model, static_cast<std::int32_t>(tokens.size()));
  pad = find_first({"<pad>", "[PAD]"});
  sep = find_first({"<sep>", "[SEP]"});
  mask = find_first({"<mask>", "[MASK]"});
}

void Tokenizer::State::index_special_tokens() {
  std::vector<const SpecialToken*> by_id;
  for (const SpecialToken& token : model.special_tokens) by_id.push_back(&token);
  std::stable_sort(by_id.begin(), by_id.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  special.assign(model.vocabulary.size(), 0);
  for (std::size_t i = 0; i < by_id.size(); ++i) {
    const SpecialToken& token = *by_id[i];
    const auto fail = [&](const std::string& why) {
      throw InputError(
          fmt::format("tokenizer: special token \"{}\" with id {}: {}", token.content, token.id, why));
    };
    if (token.content.empty()) fail("it is empty");
    if (!is_utf8(token.content)) fail("it is not UTF-8");
    const std::optional<std::int32_t> known = find(token.content);
    if (known && *known != token.id) fail(fmt::format("the vocabulary has it as {}", *known));
    if (i > 0 && by_id[i - 1]->id == token.id) fail("the id is given twice");
    if (!known) {
      if (token.id != static_cast<std::int32_t>(tokens.size())) {
        fail(fmt::format("it is not in the vocabulary, and the next free id is {}", tokens.size()));
      }
      tokens.push_back(token.content);
      special.push_back(0);
      beyond.emplace(token.content, token.id);
    }
    special[static_cast<std::size_t>(token.id)] = token.special ? 1 : 0;
  }
}

void Tokenizer::State::build_added_tokens() {
  std::vector<AddedTokens::Token> raw;
  std::vector<AddedTokens::Token> normalized;
  // In place: `tokens` and the tries point into it.
  std::vector<std::string>& contents = normalized_contents;
  contents.reserve(model.special_tokens.size());
  Normalizer::Buffers buffers;
  for (const SpecialToken& token : model.special_tokens) {
    if (token.normalized) {
      contents.emplace_back(normalizer(token.content, buffers));
      normalized.push_back({contents.back(), &token});
      // A normalized text never holds the token as it was given: decode() gives what stood there (tokenizers
      // 0.23).
      if (!contents.back().empty()) tokens[static_cast<std::size_t>(token.id)] = contents.back();
    } else {
      raw.push_back({token.content, &token});
    }
  }
  raw_tokens = AddedTokens(raw);
  normalized_tokens = AddedTokens(normalized);
}

std::optional<std::int32_t> Tokenizer::State::find(std::string_view token) const {
  const std::int32_t id = word_piece.find(token);
  if (id >= 0) return id;
  const auto found = beyond.find(token);
  return found == beyond.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int32_t> Tokenizer::State::find_first(
    std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (const auto id = find(name)) return id;
  }
  return std::nullopt;
}

namespace {

std::int32_t required(const std::optional<std::int32_t>& id, std::string_view what, std::string_view names) {
  if (!id)
    throw InputError(fmt::format("tokenizer: there is no {} token ({}) in the vocabulary", what, names));
  return *id;
}

}  // namespace

Tokenizer::Tokenizer(TokenizerModel model) : state_(std::make_shared<State>(std::move(model))) {}

const TokenizerModel& Tokenizer::model() const {
  return state_->model;
}

std::int32_t Tokenizer::vocabulary_size() const {
  return static_cast<std::int32_t>(state_->tokens.size());
}

std::string_view Tokenizer::token(std::int32_t id) const {
  ESPALIER_CHECK(id >= 0 && id < vocabulary_size());
  return state_->tokens[static_cast<std::size_t>(id)];
}

std::optional<std::int32_t> Tokenizer::find(std::string_view token) const {
  return state_->find(token);
}

std::int32_t Tokenizer::pad_id() const {
  return required(state_->pad, "padding", "<pad> or [PAD]");
}
std::int32_t Tokenizer::unk_id() const {
  return state_->word_piece.unknown_id();
}
std::int32_t Tokenizer::sep_id() const {
  return required(state_->sep, "separator", "<sep> or [SEP]");
}
std::int32_t Tokenizer::mask_id() const {
  return required(state_->mask, "mask", "<mask> or [MASK]");
}

bool Tokenizer::is_special(std::int32_t id) const {
  return id >= 0 && id < vocabulary_size() && state_->special[static_cast<std::size_t>(id)] != 0;
}

void Tokenizer::encode_to(std::string_view text, std::vector<std::int32_t>& ids) const {
  const State& state = *state_;
  std::string repaired;
  Normalizer::Buffers buffers;
  const auto on_token = [&](std::int32_t id) { ids.push_back(id); };
  const auto on_word = [&](std::string_view word) { state.word_piece.encode(word, ids); };
  const auto on_normalized = [&](std::string_view part) { state.pre_tokenizer.for_each_word(part, on_word); };
  const auto on_raw = [&](std::string_view part) {
    state.normalized_tokens.split(state.normalizer(part, buffers), on_normalized, on_token);
  };
  state.raw_tokens.split(repair_utf8(text, repaired), on_raw, on_token);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 4 + 8);  // English has 4 to 5 bytes a token
  encode_to(text, ids);
  return ids;
}

Encoding Tokenizer::encode_with_types(std::string_view a, std::optional<std::string_view> b,
                                      int max_length) const {
  ESPALIER_CHECK(max_length >= 0);
  const Template& pieces = b ? state_->model.pair : state_->model.single;
  std::vector<std::int32_t> first = encode(a);
  std::vector<std::int32_t> second;
  if (b) second = encode(*b);
  if (max_length > 0) {
    const auto limit = static_cast<std::size_t>(max_length);
    const std::size_t own = template_length(pieces);
    if (limit < own) {
      throw InputError(fmt::format(
          "tokenizer: a length of {} has no room for the {} tokens that the template adds", limit, own));
    }
    const auto [first_length, second_length] = longest_first(first.size(), second.size(), limit - own);
    first.resize(first_length);
    second.resize(second_length);
  }
  return fill_template(pieces, first, second);
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  std::string text;
  bool first = true;
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= vocabulary_size() || (skip_special_tokens && is_special(id))) continue;
    append_decoded(state_->model.decoder, token(id), first, text);
    first = false;
  }
  return text;
}

std::string Tokenizer::normalize(std::string_view text) const {
  std::string repaired;
  Normalizer::Buffers buffers;
  return std::string(state_->normalizer(repair_utf8(text, repaired), buffers));
}

std::vector<std::string> Tokenizer::words(std::string_view text) const {
  std::vector<std::string> words;
  state_->pre_tokenizer.for_each_word(normalize(text),
                                      [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

}  // namespace espalier::text
