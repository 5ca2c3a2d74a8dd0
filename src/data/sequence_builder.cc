#include "data/sequence_builder.h"

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/base/philox.h"

namespace espalier::data {
namespace {

// In a key: the order by full stops above, a random order among equals below.
constexpr int kRandomBits = 40;
constexpr std::uint64_t kMostFullStops = (std::uint64_t{1} << (64 - kRandomBits)) - 1;

}  // namespace

SequenceBuilder::SequenceBuilder(const SequenceBuilderOptions& options, io::TokenStoreWriter& store)
    : options_(options), store_(store), token_bytes_(options.vocabulary_size <= 65536 ? 2 : 4) {
  ESPALIER_CHECK(options.sequence_length > 0);
  const auto length = static_cast<std::size_t>(options.sequence_length);
  if (options.order != SequenceOrder::kStored) {
    sorter_.emplace(options.folder, length * token_bytes_, options.sort_memory_bytes);
  }
  pending_.reserve(length);
  packed_.resize(length * token_bytes_);
}

void SequenceBuilder::add(std::span<const std::int32_t> tokens) {
  tokens_ += static_cast<std::int64_t>(tokens.size());
  const auto length = static_cast<std::size_t>(options_.sequence_length);
  while (!tokens.empty()) {
    const std::size_t taken = std::min(length - pending_.size(), tokens.size());
    pending_.insert(pending_.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(taken));
    tokens = tokens.subspan(taken);
    if (pending_.size() == length) emit();
  }
}

void SequenceBuilder::emit() {
  if (sorter_) {
    pack(pending_);
    sorter_->add(key_of(pending_), packed_);
  } else {
    store_.append(options_.split, pending_);
  }
  ++sequences_;
  pending_.clear();
}

std::uint64_t SequenceBuilder::key_of(std::span<const std::int32_t> sequence) const {
  // Index 0 of the stream decides which split a document goes to.
  const Philox random(options_.seed, RandomStream::kSplit, static_cast<std::uint64_t>(options_.split));
  const auto words = random.words(static_cast<std::uint64_t>(sequences_) + 1);
  const std::uint64_t draw = static_cast<std::uint64_t>(words[0]) << 32 | words[1];
  if (options_.order == SequenceOrder::kShuffled) return draw;
  const auto stops = std::count(sequence.begin(), sequence.end(), options_.full_stop_id);
  return (kMostFullStops - static_cast<std::uint64_t>(stops)) << kRandomBits | draw >> (64 - kRandomBits);
}

void SequenceBuilder::pack(std::span<const std::int32_t> sequence) {
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    const auto narrow = static_cast<std::uint16_t>(sequence[i]);
    const void* from = token_bytes_ == 2 ? static_cast<const void*>(&narrow) : &sequence[i];
    std::memcpy(packed_.data() + i * token_bytes_, from, token_bytes_);
  }
}

void SequenceBuilder::unpack(std::span<const std::byte> record, std::vector<std::int32_t>& sequence) const {
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    std::uint16_t narrow = 0;
    if (token_bytes_ == 2) {
      std::memcpy(&narrow, record.data() + i * 2, 2);
      sequence[i] = narrow;
    } else {
      std::memcpy(&sequence[i], record.data() + i * 4, 4);
    }
  }
}

void SequenceBuilder::finish(FunctionRef<void()> visit) {
  if (!sorter_) return;
  std::vector<std::int32_t> sequence(static_cast<std::size_t>(options_.sequence_length));
  sorter_->visit_sorted([&](std::span<const std::byte> record) {
    unpack(record, sequence);
    store_.append(options_.split, sequence);
    visit();
  });
  sorter_.reset();
}

}  // namespace espalier::data
