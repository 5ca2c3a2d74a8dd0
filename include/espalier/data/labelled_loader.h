// Batches for classifiers and regressions, encoded once.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "espalier/data/labelled.h"
#include "espalier/model/text_encoding.h"
#include "espalier/nn/tokens.h"
#include "espalier/tensor/tensor.h"
#include "espalier/text/tokenizer.h"

namespace espalier::data {

// B texts, packed, or padded to the longest of them with <pad> behind each.
struct LabelledBatch {
  nn::Tokens tokens;
  std::vector<std::int32_t> classes;  // [B], empty for regressions and without labels
  std::vector<float> values;          // [B], regressions only
  std::vector<std::int64_t> rows;     // [B]: index into the data
  std::int64_t real_tokens = 0;       // without padding

  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }
};

// Texts first .. first + count - 1 of a batch. `real_tokens` stays that of the whole.
LabelledBatch part_of(const LabelledBatch& batch, std::int64_t first, std::int64_t count);

struct LabelledLoaderOptions {
  std::int64_t batch_size = 16;
  model::TextEncoding encoding;
  bool padded = false;  // batches are padded to their longest text, for a model that shall see the padding
  std::int64_t max_length = 128;  // at least what the template needs; longer texts are cut
  // A new order each epoch, keyed by (seed, epoch); otherwise the order of the data.
  bool shuffle = false;
  // Batches of texts of like length, in random order: less padding, where there is any. The order within
  // `bucket_batches` batches of the shuffled (or given) order is by length. Batches are then in random order
  // if `shuffle` is set.
  bool bucket_by_length = false;
  std::int64_t bucket_batches = 50;
  std::uint64_t seed = 0;
};

// All rows of a data set as token ids; encoding runs in parallel, once. Every batch is a pure function of
// (data, options, epoch, index). Not for use by several threads at once.
class LabelledLoader {
 public:
  // Keeps ids, types and labels, not the texts. InputError if max_length is too short for the template.
  LabelledLoader(const text::Tokenizer& tokenizer, const LabelledData& data,
                 const LabelledLoaderOptions& options);

  std::int64_t rows() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  std::int64_t batches() const;
  // Rows that were cut to max_length.
  std::int64_t truncated() const { return truncated_; }

  // Batch `index` of an epoch, 0 <= index < batches(); the last in the order of rows may be smaller. Without
  // shuffling all epochs are the same.
  LabelledBatch batch(std::int64_t epoch, std::int64_t index);

 private:
  // Of a row: its part of ids_ or types_.
  std::span<const std::int32_t> part_of(const std::vector<std::int32_t>& all, std::int64_t row) const;
  std::int64_t length_of(std::int64_t row) const;
  void arrange(std::int64_t epoch);
  std::pair<std::int64_t, std::int64_t> range_of(std::int64_t index) const;

  LabelledLoaderOptions options_;
  std::int32_t pad_id_;
  bool has_labels_, regression_;
  std::vector<std::int32_t> ids_;      // of all rows, one after the other
  std::vector<std::int32_t> types_;    // the same; empty where the model has none
  std::vector<std::int64_t> offsets_;  // [rows + 1]
  std::vector<std::int32_t> classes_;  // [rows]
  std::vector<float> values_;          // [rows]
  std::int64_t truncated_ = 0;
  std::int64_t arranged_epoch_ = -1;
  std::vector<std::int64_t> order_;        // of the arranged epoch: rows
  std::vector<std::int64_t> batch_order_;  // ... and batches of consecutive rows
};

}  // namespace espalier::data
