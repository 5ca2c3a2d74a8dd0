#include "text/word_table.h"

#include <algorithm>
#include <cstring>

namespace espalier::text {

const char* WordArena::store(std::string_view word) {
  if (used_ + word.size() > kBlock || blocks_.empty()) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(std::max(kBlock, word.size())));
    used_ = 0;
  }
  char* place = blocks_.back().get() + used_;
  std::memcpy(place, word.data(), word.size());
  used_ += word.size();
  return place;
}

// 8 bytes at a time. Not keyed: the order of a table never depends on it.
std::uint32_t WordTable::hash(std::string_view word) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15U;
  std::uint64_t state = word.size() * kFactor;
  const char* data = word.data();
  std::size_t left = word.size();
  const auto mix = [&](std::uint64_t block) {
    state = (state ^ block) * 0xD6E8FEB86659FD93U;
    state ^= state >> 32U;
  };
  for (; left >= 8; data += 8, left -= 8) {
    std::uint64_t block;
    std::memcpy(&block, data, 8);
    mix(block);
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, data, left);
  mix(tail + kFactor);
  return static_cast<std::uint32_t>(state);
}

void WordTable::grow() {
  slots_.assign(std::max<std::size_t>(1024, slots_.size() * 2), 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = entries_[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

// Where the entry of a word would be if nothing else has its slot, which is so for most. Both want what they
// look at in the cache already.
void WordTable::fetch_entry(std::uint32_t hash) const {
  const std::uint32_t slot = slots_[slot_of(hash)];
  if (slot != 0) __builtin_prefetch(&entries_[slot - 1]);
}

void WordTable::fetch_word(std::uint32_t hash) const {
  const std::uint32_t slot = slots_[slot_of(hash)];
  if (slot != 0) __builtin_prefetch(entries_[slot - 1].data);
}

// A large table is in no cache: slot, entry and word are asked for ahead, each once the one before has come.
void WordTable::add_all(std::span<const Entry> entries, std::uint64_t missed) {
  constexpr std::size_t kAhead = 8;
  if (slots_.empty()) grow();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + 3 * kAhead < entries.size()) __builtin_prefetch(&slots_[slot_of(entries[i + 3 * kAhead].hash)]);
    if (i + 2 * kAhead < entries.size()) fetch_entry(entries[i + 2 * kAhead].hash);
    if (i + kAhead < entries.size()) fetch_word(entries[i + kAhead].hash);
    add_hashed(entries[i].word(), entries[i].hash, entries[i].count, missed);
  }
}

void WordTable::add_hashed(std::string_view word, std::uint32_t hash, std::uint64_t count,
                           std::uint64_t missed) {
  if (entries_.size() * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == hash && entry.word() == word) {
      entry.count += count;
      return;
    }
  }
  entries_.push_back({arena_->store(word), static_cast<std::uint32_t>(word.size()), hash, count, missed});
  slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  bytes_ += word.size();
}

}  // namespace espalier::text
