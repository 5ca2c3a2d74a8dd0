// A keyed permutation of 0 .. size-1 that is computed, never stored: the order of a shuffled epoch costs no
// memory and any position can be asked for at once, which makes resuming free.
#pragma once

#include <cstdint>

#include "espalier/base/philox.h"

namespace espalier::data {

// A Feistel network over Z_a x Z_b with a * b >= size, rounds keyed by Philox, with cycle walking for the few
// values outside [0, size) (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002, the generalised
// Feistel cipher). A pure function of (seed, epoch, size).
class KeyedPermutation {
 public:
  // size >= 1.
  KeyedPermutation(std::uint64_t seed, std::uint64_t epoch, std::int64_t size);

  std::int64_t size() const { return static_cast<std::int64_t>(size_); }
  // The element at `position` of the order, both in [0, size).
  std::int64_t operator()(std::int64_t position) const;

 private:
  std::uint64_t encipher(std::uint64_t value) const;

  Philox random_;
  std::uint64_t size_;
  std::uint64_t left_size_;   // a
  std::uint64_t right_size_;  // b
};

}  // namespace espalier::data
