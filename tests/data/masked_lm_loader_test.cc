#include "espalier/data/masked_lm_loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/text/tokenizer_model.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Ids;
constexpr std::int64_t kLength = 16;
constexpr std::int32_t kMask = 6;

// Training sequence i holds the token 100 + i only, validation sequence i the token 50 + i.
std::filesystem::path write_store(const testing::TempDir& dir, int train, int validation) {
  std::vector<std::string> vocabulary = text::crammed_bert_special_tokens();
  while (vocabulary.size() < 200) vocabulary.push_back("w" + std::to_string(vocabulary.size()));
  io::TokenStoreOptions options;
  options.vocabulary_size = 200;
  options.sequence_length = kLength;
  const std::filesystem::path path = dir / "tokens.h5";
  io::TokenStoreWriter writer(path, options);
  for (int i = 0; i < train; ++i) writer.append(io::Split::kTrain, Ids(kLength, 100 + i));
  for (int i = 0; i < validation; ++i) writer.append(io::Split::kValidation, Ids(kLength, 50 + i));
  writer.finish(io::tokenizer_json(text::crammed_bert_tokenizer(vocabulary)), io::Json::object());
  return path;
}

MaskedLmOptions masked_lm_options(bool shuffle, std::uint64_t seed = 3) {
  MaskedLmOptions options;
  options.seed = seed;
  options.shuffle = shuffle;
  return options;
}

// Puts the targets back.
Ids unmasked(const MaskedBatch& batch) {
  Ids ids = batch.ids.to_vector();
  for (std::size_t i = 0; i < batch.positions.size(); ++i) {
    ids[static_cast<std::size_t>(batch.positions[i])] = batch.targets[i];
  }
  return ids;
}

Ids first_tokens(const Ids& ids) {
  Ids first;
  for (std::size_t i = 0; i < ids.size(); i += kLength) first.push_back(ids[i]);
  return first;
}

}  // namespace

TEST_CASE("a batch: stored order, positions and targets of each sequence in order") {
  const testing::TempDir dir;
  const io::TokenStoreReader store(write_store(dir, 5, 2));
  const MaskedLmLoader loader(store, masked_lm_options(false));
  CHECK(loader.sequences() == 5);
  CHECK(loader.sequence_length() == kLength);
  CHECK(loader.predictions_per_sequence() == 4);
  const MaskedBatch batch = loader.batch(1, 3);
  CHECK(batch.ids.shape() == Shape{3, kLength});
  CHECK(first_tokens(unmasked(batch)) == Ids{101, 102, 103});
  REQUIRE(batch.positions.size() == 12);
  CHECK(std::is_sorted(batch.positions.begin(), batch.positions.end()));
  for (std::size_t i = 0; i < 12; ++i) CHECK(batch.positions[i] / kLength == static_cast<int>(i / 4));
  for (std::size_t i = 0; i < 12; ++i) CHECK(batch.targets[i] == 101 + static_cast<int>(i / 4));
  const Ids ids = batch.ids.to_vector();
  CHECK(std::count(ids.begin(), ids.end(), kMask) >= 9);  // 3 of 4: round(0.8 * 4)
  const Ids whole = unmasked(batch);
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(whole[i] == 101 + static_cast<int>(i / kLength));
}

TEST_CASE("any cut into batches gives the same sequences, across the end of an epoch too") {
  const testing::TempDir dir;
  const io::TokenStoreReader store(write_store(dir, 5, 2));
  for (const bool shuffle : {false, true}) {
    const MaskedLmLoader loader(store, masked_lm_options(shuffle));
    const Ids whole = loader.batch(0, 12).ids.to_vector();
    Ids pieces;
    for (const auto& [first, count] : {std::pair(0, 3), std::pair(3, 4), std::pair(7, 5)}) {
      const Ids part = MaskedLmLoader(store, masked_lm_options(shuffle)).batch(first, count).ids.to_vector();
      pieces.insert(pieces.end(), part.begin(), part.end());
    }
    CHECK(pieces == whole);
  }
}

TEST_CASE("shuffled: every sequence once an epoch, in a new order; masks are fresh each epoch") {
  const testing::TempDir dir;
  const io::TokenStoreReader store(write_store(dir, 50, 1));
  const MaskedLmLoader loader(store, masked_lm_options(true));
  const Ids first = first_tokens(unmasked(loader.batch(0, 50)));
  const Ids second = first_tokens(unmasked(loader.batch(50, 50)));
  CHECK(std::set<std::int32_t>(first.begin(), first.end()).size() == 50);
  CHECK(std::set<std::int32_t>(second.begin(), second.end()).size() == 50);
  CHECK(first != second);
  CHECK(first != first_tokens(unmasked(MaskedLmLoader(store, masked_lm_options(true, 4)).batch(0, 50))));
  const MaskedLmLoader stored(store, masked_lm_options(false));
  CHECK(stored.batch(0, 50).positions != stored.batch(50, 50).positions);
  // The mask belongs to the sequence, not to its place.
  const std::int64_t sequence = loader.sequence_at(7);
  CHECK(loader.batch(7, 1).positions == stored.batch(sequence, 1).positions);
}

TEST_CASE("the validation split, and a split that is empty") {
  const testing::TempDir dir;
  const io::TokenStoreReader store(write_store(dir, 5, 2));
  MaskedLmOptions options = masked_lm_options(false);
  options.split = io::Split::kValidation;
  CHECK(first_tokens(unmasked(MaskedLmLoader(store, options).batch(0, 2))) == Ids{50, 51});
  const testing::TempDir other;
  const io::TokenStoreReader without(write_store(other, 5, 0));
  const std::string message = testing::error_of([&] { MaskedLmLoader(without, options); });
  CHECK(message.find("tokens.h5: the validation split holds no sequences; ") != std::string::npos);
  CHECK(message.find("validation_fraction") != std::string::npos);
  options.split = io::Split::kTrain;
  options.mask_rate = 0;
  CHECK(testing::error_of([&] { MaskedLmLoader(store, options); }).find("masking rate") == 0);
}

}  // namespace espalier::data
