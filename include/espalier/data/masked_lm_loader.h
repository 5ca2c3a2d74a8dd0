// Batches of masked sequences from a token store.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "espalier/data/masking.h"
#include "espalier/data/permutation.h"
#include "espalier/io/token_store.h"
#include "espalier/tensor/tensor.h"

namespace espalier::data {

struct MaskedBatch {
  IntTensor ids;                        // [B, S], masked
  std::vector<std::int32_t> positions;  // flat indices into [B, S] of the predicted positions, ascending
  std::vector<std::int32_t> targets;    // the tokens that were there
};

struct MaskedLmOptions {
  io::Split split = io::Split::kTrain;
  std::uint64_t seed = 0;
  double mask_rate = 0.25;
  bool shuffle = false;  // a new order each epoch, instead of the stored one
};

// Every batch is a pure function of (store, options, offset): there is nothing to save or replay. Not for use
// by several threads at once. The store must outlive the loader.
class MaskedLmLoader {
 public:
  // InputError if the split is empty, mask_rate is out of range, or the store's tokenizer has no mask token.
  MaskedLmLoader(const io::TokenStoreReader& store, const MaskedLmOptions& options);

  std::int64_t sequences() const { return store_->sequences(options_.split); }
  std::int64_t sequence_length() const { return store_->sequence_length(); }
  // Of each sequence.
  std::int64_t predictions_per_sequence() const;

  // Sequences [offset, offset + count) of the endless stream epoch 0, epoch 1, ...
  MaskedBatch batch(std::int64_t offset, std::int64_t count);

 private:
  std::int64_t sequence_at(std::int64_t epoch, std::int64_t position);

  const io::TokenStoreReader* store_;
  MaskedLmOptions options_;
  MaskingOptions masking_;
  std::int64_t order_epoch_ = -1;
  std::optional<KeyedPermutation> order_;  // of order_epoch_
};

}  // namespace espalier::data
