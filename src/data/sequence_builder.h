// From the tokens of documents to the ordered sequences of one split.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "data/external_sort.h"
#include "espalier/data/prepare.h"
#include "espalier/io/token_store.h"

namespace espalier::data {

struct SequenceBuilderOptions {
  io::Split split = io::Split::kTrain;
  SequenceOrder order = SequenceOrder::kStored;
  std::int64_t sequence_length = 0;
  std::int64_t vocabulary_size = 0;
  std::int32_t full_stop_id = -1;  // for kFullStops
  std::uint64_t seed = 0;
  std::filesystem::path folder;  // for the sort's temporary file
  std::size_t sort_memory_bytes = 0;
};

// Joins documents and cuts them in sequences: in kStored order they go straight to the store, otherwise
// through an external sort. The order is a function of the tokens and the seed.
class SequenceBuilder {
 public:
  SequenceBuilder(const SequenceBuilderOptions& options, io::TokenStoreWriter& store);

  // The tokens of a document, <sep> included.
  void add(std::span<const std::int32_t> tokens);

  std::int64_t sequences() const { return sequences_; }
  std::int64_t tokens() const { return tokens_; }
  // Tokens at the end that do not fill a sequence: dropped.
  std::int64_t remainder() const { return static_cast<std::int64_t>(pending_.size()); }

  // Writes what has been gathered, if it was not written as it came. `visit` is called after each sequence.
  void finish(FunctionRef<void()> visit);

 private:
  void emit();
  std::uint64_t key_of(std::span<const std::int32_t> sequence) const;
  void pack(std::span<const std::int32_t> sequence);
  void unpack(std::span<const std::byte> record, std::vector<std::int32_t>& sequence) const;

  SequenceBuilderOptions options_;
  io::TokenStoreWriter& store_;
  std::size_t token_bytes_;  // in the temporary file
  std::optional<ExternalSorter> sorter_;
  std::vector<std::int32_t> pending_;
  std::vector<std::byte> packed_;
  std::int64_t sequences_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace espalier::data
