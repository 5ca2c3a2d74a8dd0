// A hash table from words to counts. Words lie in blocks that never move; entries keep their order of
// arrival.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace espalier::text {

// Bytes of words, in blocks, for as long as the object lives.
class WordArena {
 public:
  const char* store(std::string_view word);

 private:
  static constexpr std::size_t kBlock = 1 << 18;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t used_ = kBlock;  // of the last block
};

class WordTable {
 public:
  struct Entry {
    const char* data;
    std::uint32_t length;
    std::uint32_t hash;
    std::uint64_t count;
    std::uint64_t missed;  // at most so many earlier occurrences are not in `count`
    std::string_view word() const { return {data, length}; }
  };

  // Adds to the count of a word; a new entry starts with `missed`.
  void add(std::string_view word, std::uint64_t count, std::uint64_t missed) {
    add_hashed(word, hash(word), count, missed);
  }
  // The same where the hash is known, as in merging one table into another.
  void add_hashed(std::string_view word, std::uint32_t hash, std::uint64_t count, std::uint64_t missed);
  // All of them in their order, each as above; their own `missed` is not looked at.
  void add_all(std::span<const Entry> entries, std::uint64_t missed);

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t bytes() const { return bytes_; }
  std::shared_ptr<const WordArena> arena() const { return arena_; }

 private:
  static std::uint32_t hash(std::string_view word);
  std::size_t slot_of(std::uint32_t hash) const { return hash & (slots_.size() - 1); }
  void fetch_entry(std::uint32_t hash) const;
  void fetch_word(std::uint32_t hash) const;
  void grow();

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // 1 + index into entries_, 0 free; a power of two, at most half full
  std::shared_ptr<WordArena> arena_ = std::make_shared<WordArena>();
  std::size_t bytes_ = 0;  // of all words
};

}  // namespace espalier::text
