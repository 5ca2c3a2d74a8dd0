// Batches for masked language modelling from a token store.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/data/masking.h"
#include "espalier/io/token_store.h"
#include "espalier/tensor/tensor.h"

namespace espalier::data {

// B sequences of S tokens, masked. There is no padding.
struct MaskedBatch {
  IntTensor ids;                        // [B, S], after masking
  std::vector<std::int32_t> positions;  // predicted positions, as indices into the B * S tokens, ascending
  std::vector<std::int32_t> targets;    // the token that was at each
};

struct MaskedLmOptions {
  io::Split split = io::Split::kTrain;
  // Key of the masks and of the order. For validation give a constant, so that evaluations compare.
  std::uint64_t seed = 0;
  double mask_rate = 0.25;
  // A new order each epoch instead of the stored one (data/permutation.h).
  bool shuffle = false;
};

// Every batch is a pure function of (store, options, place): nothing has to be replayed to resume. The store
// must outlive the loader. const members may be called from several threads.
class MaskedLmLoader {
 public:
  // InputError: the split has no sequences, the tokenizer no <mask>, or the rate is out of range.
  MaskedLmLoader(const io::TokenStoreReader& store, const MaskedLmOptions& options);

  // Sequences of an epoch.
  std::int64_t sequences() const { return sequences_; }
  std::int64_t sequence_length() const { return store_->sequence_length(); }
  std::int64_t predictions_per_sequence() const;

  // Sequences [first, first + count) of the endless sequence of epochs: place p is position p mod sequences()
  // of epoch p / sequences(). A batch may cross the end of an epoch. Each epoch masks anew.
  MaskedBatch batch(std::int64_t first, std::int64_t count) const;
  // The same into `batch`, whose memory is used again.
  void read_batch(std::int64_t first, std::int64_t count, MaskedBatch& batch) const;

  // The stored sequence at a place.
  std::int64_t sequence_at(std::int64_t place) const;

 private:
  const io::TokenStoreReader* store_;
  MaskedLmOptions options_;
  MaskingOptions masking_;
  std::int64_t sequences_;
};

}  // namespace espalier::data
