#include "espalier/text/character_counts.h"

#include <algorithm>

#include "text/normalizer.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

constexpr std::size_t kMostExamples = 5;

template <class Use>
void for_each_code_point(std::string_view text, Use use) {
  std::string repaired;
  text = repair_utf8(text, repaired);
  for (std::size_t i = 0; i < text.size();) use(next_code_point(text, i));
}

bool is_blank(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (!is_white_space(next_code_point(text, i))) return false;
  }
  return true;
}

}  // namespace

double DeletedCharacters::letter_share() const {
  return letters == 0 ? 0 : static_cast<double>(deleted_letters) / static_cast<double>(letters);
}

void CharacterCounts::add(std::string_view text) {
  for_each_code_point(text, [this](char32_t code) { code < 0x80 ? ++ascii_[code] : ++others_[code]; });
}

void CharacterCounts::add(const CharacterCounts& other) {
  for (std::size_t code = 0; code < ascii_.size(); ++code) ascii_[code] += other.ascii_[code];
  for (const auto& [code, count] : other.others_) others_[code] += count;
}

// Those of ASCII, then a code point and its count each.
std::vector<std::uint64_t> CharacterCounts::numbers() const {
  std::vector<std::uint64_t> numbers(ascii_.begin(), ascii_.end());
  for (const auto& [code, count] : others_) {
    numbers.push_back(code);
    numbers.push_back(count);
  }
  return numbers;
}

void CharacterCounts::add_numbers(std::span<const std::uint64_t> numbers) {
  for (std::size_t code = 0; code < ascii_.size(); ++code) ascii_[code] += numbers[code];
  for (std::size_t i = ascii_.size(); i < numbers.size(); i += 2) {
    others_[static_cast<char32_t>(numbers[i])] += numbers[i + 1];
  }
}

DeletedCharacters CharacterCounts::deleted_by(const NormalizerSpec& spec) const {
  const Normalizer normalizer(spec);
  Normalizer::Buffers buffers;
  DeletedCharacters result;
  std::vector<std::pair<std::uint64_t, char32_t>> deleted;
  const auto look_at = [&](char32_t code, std::uint64_t count) {
    const bool letter = is_letter_or_number(code);
    if (count == 0 || (!letter && !is_punctuation_or_symbol(code))) return;
    if (letter) result.letters += count;
    std::string alone;
    append_utf8(code, alone);
    if (!is_blank(normalizer(alone, buffers))) return;
    (letter ? result.deleted_letters : result.deleted_others) += count;
    if (letter) deleted.emplace_back(count, code);
  };
  for (char32_t code = 0; code < 0x80; ++code) look_at(code, ascii_[code]);
  for (const auto& [code, count] : others_) look_at(code, count);
  std::sort(deleted.begin(), deleted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (std::size_t i = 0; i < std::min(deleted.size(), kMostExamples); ++i) {
    result.examples.push_back({"", deleted[i].first});
    append_utf8(deleted[i].second, result.examples.back().character);
  }
  return result;
}

std::uint64_t count_letters(std::string_view text) {
  std::uint64_t letters = 0;
  for_each_code_point(text, [&](char32_t code) { letters += is_letter_or_number(code) ? 1 : 0; });
  return letters;
}

std::uint64_t count_letters_beyond_ascii(std::string_view text) {
  if (find_non_ascii(text) == text.size()) return 0;
  std::uint64_t letters = 0;
  for_each_code_point(text,
                      [&](char32_t code) { letters += code >= 0x80 && is_letter_or_number(code) ? 1 : 0; });
  return letters;
}

}  // namespace espalier::text
