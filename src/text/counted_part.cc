#include "text/counted_part.h"

#include <cstring>

namespace espalier::text {

namespace {

struct PartHead {
  std::uint64_t batch, occurrences, too_long, words;
};

// The bytes of the word follow.
struct WordHead {
  std::uint64_t count;
  std::uint32_t length, hash;
};

template <class Head>
void append_head(const Head& head, std::vector<std::byte>& message) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&head);
  message.insert(message.end(), bytes, bytes + sizeof(head));
}

template <class Head>
Head head_of(std::span<const std::byte> bytes) {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  return head;
}

}  // namespace

void add_words(const WordTable& from, std::uint64_t missed, WordTable& to) {
  for (const WordTable::Entry& entry : from.entries()) {
    to.add_hashed(entry.word(), entry.hash, entry.count, missed);
  }
}

void append(const CountedPart& part, std::vector<std::byte>& message) {
  append_head(PartHead{part.batch, part.occurrences, part.too_long, part.table.entries().size()}, message);
  for (const WordTable::Entry& entry : part.table.entries()) {
    append_head(WordHead{entry.count, entry.length, entry.hash}, message);
    const auto* bytes = reinterpret_cast<const std::byte*>(entry.data);
    message.insert(message.end(), bytes, bytes + entry.length);
  }
}

bool PartsMessage::holds(std::uint64_t batch) const {
  return !rest_.empty() && head_of<PartHead>(rest_).batch == batch;
}

CountedPart PartsMessage::take(std::uint64_t missed, WordTable& table) {
  const auto head = head_of<PartHead>(rest_);
  rest_ = rest_.subspan(sizeof(head));
  for (std::uint64_t i = 0; i < head.words; ++i) {
    const auto word = head_of<WordHead>(rest_);
    rest_ = rest_.subspan(sizeof(word));
    table.add_hashed({reinterpret_cast<const char*>(rest_.data()), word.length}, word.hash, word.count,
                     missed);
    rest_ = rest_.subspan(word.length);
  }
  return {head.batch, head.occurrences, head.too_long};
}

}  // namespace espalier::text
