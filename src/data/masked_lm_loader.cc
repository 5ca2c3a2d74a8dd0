#include "espalier/data/masked_lm_loader.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/data/permutation.h"
#include "espalier/io/tokenizer_json.h"

namespace espalier::data {

MaskedLmLoader::MaskedLmLoader(const io::TokenStoreReader& store, const MaskedLmOptions& options)
    : store_(&store), options_(options), sequences_(store.sequences(options.split)) {
  const std::string where = store.path().string();
  if (sequences_ == 0) {
    throw InputError(fmt::format(
        "{}: the {} split holds no sequences{}", where, io::split_name(options.split),
        options.split == io::Split::kValidation ? "; prepare it with a validation_fraction above 0" : ""));
  }
  masking_.rate = options.mask_rate;
  masking_.seed = options.seed;
  masking_.mask_id = io::parse_tokenizer(store.tokenizer_json(), where + ": tokenizer.json").mask_id();
  masking_.vocabulary_size = static_cast<std::int32_t>(store.vocabulary_size());
  masked_count(options.mask_rate, sequence_length());  // refuses a rate out of range now rather than later
}

std::int64_t MaskedLmLoader::predictions_per_sequence() const {
  return masked_count(options_.mask_rate, sequence_length());
}

std::int64_t MaskedLmLoader::sequence_at(std::int64_t place) const {
  ESPALIER_CHECK(place >= 0);
  const std::int64_t position = place % sequences_;
  if (!options_.shuffle) return position;
  return KeyedPermutation(options_.seed, static_cast<std::uint64_t>(place / sequences_),
                          sequences_)(position);
}

MaskedBatch MaskedLmLoader::batch(std::int64_t first, std::int64_t count) const {
  MaskedBatch batch;
  read_batch(first, count, batch);
  return batch;
}

void MaskedLmLoader::read_batch(std::int64_t first, std::int64_t count, MaskedBatch& batch) const {
  ESPALIER_CHECK(first >= 0 && count >= 1);
  const std::int64_t length = sequence_length();
  batch.ids = IntTensor::empty({count, length});
  const auto predictions = static_cast<std::size_t>(count * predictions_per_sequence());
  batch.positions.clear();
  batch.targets.clear();
  batch.positions.reserve(predictions);
  batch.targets.reserve(predictions);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t sequence = sequence_at(first + i);
    const auto epoch = static_cast<std::uint64_t>((first + i) / sequences_);
    const std::span<std::int32_t> ids =
        batch.ids.span().subspan(static_cast<std::size_t>(i * length), static_cast<std::size_t>(length));
    store_->read(options_.split, sequence, ids);
    const std::size_t before = batch.positions.size();
    mask_sequence(masking_, epoch, static_cast<std::uint64_t>(sequence), ids, batch.positions, batch.targets);
    for (std::size_t p = before; p < batch.positions.size(); ++p) {
      batch.positions[p] += static_cast<std::int32_t>(i * length);
    }
  }
}

}  // namespace espalier::data
