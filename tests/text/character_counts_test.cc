#include "espalier/text/character_counts.h"

#include <doctest/doctest.h>

namespace espalier::text {

namespace {

DeletedCharacters deleted(std::string_view text, const NormalizerSpec& normalizer) {
  CharacterCounts counts;
  counts.add(text);
  return counts.deleted_by(normalizer);
}

}  // namespace

TEST_CASE("letters that the normalizer leaves nothing of are counted, changed ones are not") {
  // é and É lose an accent, ² is spelt out by no step: deleted; Ł and the Cyrillic letters go.
  const DeletedCharacters result = deleted("Été Łódź к 12² — €", crammed_bert_normalizer());
  CHECK(result.letters == 11);
  CHECK(result.deleted_letters == 3);
  CHECK(result.deleted_others == 2);
  CHECK(result.letter_share() == doctest::Approx(3.0 / 11));
  CHECK(deleted("Été Łódź к 12² — €", {{BertNormalizer{}}}).deleted_letters == 0);
  CHECK(deleted("Été Łódź к 12² — €", {}).deleted_others == 0);
}

TEST_CASE("examples come by frequency, then by code point, five at most; counts of parts add up") {
  CharacterCounts counts;
  counts.add("абв ббб");
  CharacterCounts other;
  other.add("гдежз в");
  counts.add(other);
  const DeletedCharacters result = counts.deleted_by(crammed_bert_normalizer());
  CHECK(result.deleted_letters == 12);
  std::string shown;
  for (const auto& example : result.examples)
    shown += example.character + std::to_string(example.count) + " ";
  CHECK(shown == "б4 в2 а1 г1 д1 ");
}

TEST_CASE("texts without letters have no share, and broken bytes count as no letters") {
  CHECK(deleted("... !!", crammed_bert_normalizer()).letter_share() == 0);
  CHECK(deleted("a\xFF\xC3", crammed_bert_normalizer()).letters == 1);
  CHECK(count_letters("aб1 中²!") == 5);
}

}  // namespace espalier::text
