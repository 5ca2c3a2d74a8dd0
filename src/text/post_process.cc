#include "text/post_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "espalier/base/error.h"

namespace espalier::text {

namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

// What WordPiece decoders of `tokenizers` do to each token; transformers' list lacks " do not".
constexpr std::array<Replacement, 11> kTokenCleanUp = {{{" .", "."},
                                                        {" ?", "?"},
                                                        {" !", "!"},
                                                        {" ,", ","},
                                                        {" ' ", "'"},
                                                        {" n't", "n't"},
                                                        {" 'm", "'m"},
                                                        {" do not", " don't"},
                                                        {" 's", "'s"},
                                                        {" 've", "'ve"},
                                                        {" 're", "'re"}}};

void replace_all(std::string& text, const Replacement& replacement) {
  std::size_t found = text.find(replacement.first);
  if (found == std::string::npos) return;
  std::string result;
  std::size_t begin = 0;
  for (; found != std::string::npos; found = text.find(replacement.first, begin)) {
    result.append(text, begin, found - begin).append(replacement.second);
    begin = found + replacement.first.size();
  }
  text = result.append(text, begin);
}

bool uses(const Template& pieces, TemplatePiece::Kind kind) {
  return std::any_of(pieces.pieces.begin(), pieces.pieces.end(),
                     [&](const TemplatePiece& piece) { return piece.kind == kind; });
}

void check_ids(const Template& pieces, std::string_view name, std::int32_t size) {
  for (const TemplatePiece& piece : pieces.pieces) {
    for (const std::int32_t id : piece.ids) {
      if (id >= 0 && id < size) continue;
      throw InputError(fmt::format("tokenizer: the template for {} inserts {} as id {}, but ids end at {}",
                                   name, piece.name, id, size - 1));
    }
  }
}

}  // namespace

void check_templates(const TokenizerModel& model, std::int32_t size) {
  using Kind = TemplatePiece::Kind;
  if (!uses(model.single, Kind::kSequenceA) || uses(model.single, Kind::kSequenceB)) {
    throw InputError("tokenizer: the template for single texts must use sequence A, and not B");
  }
  if (!uses(model.pair, Kind::kSequenceA) || !uses(model.pair, Kind::kSequenceB)) {
    throw InputError("tokenizer: the template for pairs must use the sequences A and B");
  }
  check_ids(model.single, "single texts", size);
  check_ids(model.pair, "pairs", size);
}

std::size_t template_length(const Template& pieces) {
  std::size_t length = 0;
  for (const TemplatePiece& piece : pieces.pieces) length += piece.ids.size();
  return length;
}

std::pair<std::size_t, std::size_t> longest_first(std::size_t a, std::size_t b, std::size_t room) {
  if (a + b <= room) return {a, b};
  std::size_t less = std::min(a, b);
  std::size_t more = less > room ? less : std::max(less, room - less);
  if (less + more > room) {
    less = room / 2;
    more = less + room % 2;
  }
  return a > b ? std::pair(more, less) : std::pair(less, more);
}

Encoding fill_template(const Template& pieces, Ids a, Ids b) {
  Encoding encoding;
  encoding.ids.reserve(a.size() + b.size() + template_length(pieces));
  for (const TemplatePiece& piece : pieces.pieces) {
    const Ids ids = piece.kind == TemplatePiece::Kind::kSequenceA   ? a
                    : piece.kind == TemplatePiece::Kind::kSequenceB ? b
                                                                    : Ids(piece.ids);
    encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
    encoding.type_ids.insert(encoding.type_ids.end(), ids.size(), piece.type_id);
  }
  return encoding;
}

void append_decoded(const std::optional<WordPieceDecoder>& decoder, std::string_view token, bool first,
                    std::string& text) {
  if (!decoder) {
    if (!first) text.push_back(' ');
    text.append(token);
    return;
  }
  std::string piece;
  if (first) {
    piece = token;
  } else if (token.starts_with(decoder->prefix)) {
    piece = token.substr(decoder->prefix.size());
  } else {
    piece.append(" ").append(token);
  }
  if (decoder->cleanup) {
    for (const Replacement& replacement : kTokenCleanUp) replace_all(piece, replacement);
  }
  text.append(piece);
}

std::string Tokenizer::clean_up(std::string text) {
  for (const Replacement& replacement : kTokenCleanUp) {
    if (replacement.first != " do not") replace_all(text, replacement);
  }
  return text;
}

}  // namespace espalier::text
