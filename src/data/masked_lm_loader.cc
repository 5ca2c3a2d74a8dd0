#include "espalier/data/masked_lm_loader.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/text/tokenizer.h"

namespace espalier::data {

MaskedLmLoader::MaskedLmLoader(const io::TokenStoreReader& store, const MaskedLmOptions& options)
    : store_(&store), options_(options) {
  if (sequences() == 0) {
    throw InputError(fmt::format("{}: no {} sequences; prepare more text or change validation_fraction",
                                 store.path().string(), io::split_name(options.split)));
  }
  masked_count(options.mask_rate, sequence_length());  // checks the rate
  const text::Tokenizer tokenizer(io::parse_tokenizer_json(store.tokenizer_json(), store.path().string()));
  masking_.rate = options.mask_rate;
  masking_.seed = options.seed;
  masking_.mask_id = tokenizer.mask_id();
  masking_.vocabulary_size = static_cast<std::int32_t>(store.vocabulary_size());
}

std::int64_t MaskedLmLoader::predictions_per_sequence() const {
  return masked_count(options_.mask_rate, sequence_length());
}

std::int64_t MaskedLmLoader::sequence_at(std::int64_t epoch, std::int64_t position) {
  if (!options_.shuffle) return position;
  if (epoch != order_epoch_) {
    order_.emplace(options_.seed, static_cast<std::uint64_t>(epoch), sequences());
    order_epoch_ = epoch;
  }
  return (*order_)(position);
}

MaskedBatch MaskedLmLoader::batch(std::int64_t offset, std::int64_t count) {
  const std::int64_t length = sequence_length();
  MaskedBatch batch;
  batch.ids = IntTensor::empty({count, length});
  for (std::int64_t row = 0; row < count; ++row) {
    const std::int64_t epoch = (offset + row) / sequences();
    const std::int64_t sequence = sequence_at(epoch, (offset + row) % sequences());
    const std::span<std::int32_t> ids =
        batch.ids.span().subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length));
    store_->read(options_.split, sequence, ids);
    const std::size_t first = batch.positions.size();
    mask_sequence(masking_, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(sequence), ids,
                  batch.positions, batch.targets);
    for (std::size_t i = first; i < batch.positions.size(); ++i) {
      batch.positions[i] += static_cast<std::int32_t>(row * length);
    }
  }
  return batch;
}

}  // namespace espalier::data
