// The words of a part of a corpus's batch, as one process hands them to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/word_table.h"

namespace espalier::text {

struct CountedPart {
  std::uint64_t batch = 0;  // of a round, from 0
  std::uint64_t occurrences = 0;
  std::uint64_t too_long = 0;
  WordTable table = {};
};

void append(const CountedPart& part, std::vector<std::byte>& message);

// Takes parts off the front of a message, in the order in which they were appended.
class PartsMessage {
 public:
  explicit PartsMessage(std::span<const std::byte> message) : rest_(message) {}

  // Whether the next part is of this batch.
  bool holds(std::uint64_t batch) const;
  // Takes the next part: its words into the table, its other figures as the result.
  CountedPart take(std::uint64_t missed, WordTable& table);

 private:
  std::span<const std::byte> rest_;
};

}  // namespace espalier::text
