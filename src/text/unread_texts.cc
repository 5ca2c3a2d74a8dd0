#include "espalier/text/unread_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "espalier/text/character_counts.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

// One letter kept of this many, or less.
constexpr std::uint64_t kOneOf = 10;
constexpr std::size_t kShownBytes = 60;

std::string beginning(std::string_view text) {
  std::string repaired;
  return shortened(repair_utf8(text, repaired), kShownBytes);
}

}  // namespace

void UnreadTexts::add(std::string_view text) {
  ++texts_;
  if (find_non_ascii(text) == text.size()) return;
  const std::uint64_t letters = count_letters(text);
  const std::vector<std::int32_t> ids = tokenizer_.encode(text);
  if (letters == 0) {
    const bool blank = text.find_first_not_of(" \t\r\n\f\v") == text.npos;
    const auto is_token = [&](std::int32_t id) {
      return id == tokenizer_.unk_id() || !tokenizer_.is_special(id);
    };
    if (blank || std::any_of(ids.begin(), ids.end(), is_token)) return;
    if (vanished_++ == 0) first_vanished_ = beginning(text);
    return;
  }
  std::uint64_t kept = 0;
  for (const std::int32_t id : ids) {
    if (id != tokenizer_.unk_id() && !tokenizer_.is_special(id)) kept += count_letters(tokenizer_.token(id));
  }
  if (kept * kOneOf >= letters) return;
  if (count_++ == 0) first_ = beginning(text);
}

std::string UnreadTexts::warning() const {
  std::string result;
  if (vanished_ > 0) {
    result = fmt::format(
        "{} of {} texts vanish in the tokenizer, as \"{}\": its normalizer deletes all their symbols, so the "
        "model reads them as empty",
        vanished_, texts_, first_vanished_);
  }
  if (count_ == 0) return result;
  return (result.empty() ? "" : result + "; ") +
         fmt::format(
             "{} of {} texts lose nine tenths of their letters or more in the tokenizer, as \"{}\": its "
             "normalizer "
             "deletes them or its vocabulary lacks them, so what the model makes of these texts means little "
             "(tokenizers that `prepare` trains keep other scripts with tokenizer.normalizer=bert)",
             count_, texts_, first_);
}

}  // namespace espalier::text
