// Counts of neighbouring symbols and the words they occur in, for the WordPiece trainer.
#pragma once

#include <cstdint>
#include <vector>

namespace espalier::text {

// Two neighbouring symbols as one key, ordered by left id, then right id.
using SymbolPair = std::uint64_t;
inline SymbolPair symbol_pair(std::uint32_t left, std::uint32_t right) {
  return static_cast<SymbolPair>(left) << 32U | right;
}
inline std::uint32_t left_symbol(SymbolPair pair) {
  return static_cast<std::uint32_t>(pair >> 32U);
}
inline std::uint32_t right_symbol(SymbolPair pair) {
  return static_cast<std::uint32_t>(pair);
}

struct PairRecord {
  SymbolPair pair = 0;
  std::int64_t count = 0;
  std::uint32_t last_merge = 0;      // the last merge that added to it
  std::vector<std::uint32_t> words;  // ascending within one merge; some may hold it no more
};

// Records by pair; their indices stay valid.
class PairTable {
 public:
  // The index of a pair's record, made if there is none.
  std::uint32_t find_or_add(SymbolPair pair);
  PairRecord& operator[](std::uint32_t index) { return records_[index]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(records_.size()); }

 private:
  static std::uint64_t hash(SymbolPair pair);
  void grow();

  std::vector<PairRecord> records_;
  std::vector<std::uint32_t> slots_;  // 1 + index, 0 free; a power of two, at most half full
};

}  // namespace espalier::text
