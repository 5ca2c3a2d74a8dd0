// What a corpus is written with, and what of it a normalizer deletes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "espalier/text/tokenizer_model.h"

namespace espalier::text {

struct DeletedCharacters {
  struct Example {
    std::string character;
    std::uint64_t count;
  };
  std::uint64_t letters = 0;          // of the text: general categories L and N, so digits too
  std::uint64_t deleted_letters = 0;  // of them, those of which the normalizer leaves nothing
  std::uint64_t deleted_others = 0;   // punctuation and symbols (categories P and S) that go
  std::vector<Example> examples;      // deleted letters, the most frequent first; five at most

  double letter_share() const;  // deleted_letters / letters; 0 of a text without letters
};

// How often each character occurs. A character counts as deleted if the normalizer makes nothing, or white
// space alone, of a text of it alone: one whose accent goes, or that is lower-cased or spelt out, is kept.
class CharacterCounts {
 public:
  // Bytes that are not UTF-8 count as U+FFFD.
  void add(std::string_view text);
  void add(const CharacterCounts& other);
  // The counts as numbers, for another process, and those of another.
  std::vector<std::uint64_t> numbers() const;
  void add_numbers(std::span<const std::uint64_t> numbers);
  DeletedCharacters deleted_by(const NormalizerSpec& normalizer) const;

 private:
  std::array<std::uint64_t, 0x80> ascii_{};
  std::unordered_map<char32_t, std::uint64_t> others_;
};

// How many characters of a text are letters or digits: general categories L and N.
std::uint64_t count_letters(std::string_view text);
// Those of them that lie outside ASCII.
std::uint64_t count_letters_beyond_ascii(std::string_view text);

}  // namespace espalier::text
