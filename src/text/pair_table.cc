#include "text/pair_table.h"

#include <algorithm>

namespace espalier::text {

std::uint64_t PairTable::hash(SymbolPair pair) {
  const std::uint64_t mixed = pair * 0x9E3779B97F4A7C15U;
  return (mixed ^ mixed >> 29U) * 0xBF58476D1CE4E5B9U >> 20U;
}

void PairTable::grow() {
  slots_.assign(std::max<std::size_t>(4096, slots_.size() * 2), 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    std::size_t slot = hash(records_[i].pair) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

std::uint32_t PairTable::find_or_add(SymbolPair pair) {
  if (records_.size() * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash(pair) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (records_[slots_[slot] - 1].pair == pair) return slots_[slot] - 1;
  }
  records_.emplace_back();
  records_.back().pair = pair;
  slots_[slot] = size();
  return size() - 1;
}

}  // namespace espalier::text
