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

std::byte* put(const void* from, std::size_t bytes, std::byte* to) {
  std::memcpy(to, from, bytes);
  return to + bytes;
}

template <class Head>
Head head_of(std::span<const std::byte> bytes) {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  return head;
}

}  // namespace

void append(const CountedPart& part, std::vector<std::byte>& message) {
  const std::vector<WordTable::Entry>& entries = part.table.entries();
  const PartHead head{part.batch, part.occurrences, part.too_long, entries.size()};
  const std::size_t before = message.size();
  message.resize(before + sizeof(head) + entries.size() * sizeof(WordHead) + part.table.bytes());
  std::byte* to = put(&head, sizeof(head), message.data() + before);
  for (const WordTable::Entry& entry : entries) {
    const WordHead word{entry.count, entry.length, entry.hash};
    to = put(entry.data, entry.length, put(&word, sizeof(word), to));
  }
}

bool PartsMessage::holds(std::uint64_t batch) const {
  return !rest_.empty() && head_of<PartHead>(rest_).batch == batch;
}

CountedPart PartsMessage::take(std::uint64_t missed, WordTable& table) {
  const auto head = head_of<PartHead>(rest_);
  rest_ = rest_.subspan(sizeof(head));
  std::vector<WordTable::Entry> words;
  words.reserve(head.words);
  for (std::uint64_t i = 0; i < head.words; ++i) {
    const auto word = head_of<WordHead>(rest_);
    rest_ = rest_.subspan(sizeof(word));
    words.push_back({reinterpret_cast<const char*>(rest_.data()), word.length, word.hash, word.count, 0});
    rest_ = rest_.subspan(word.length);
  }
  table.add_all(words, missed);
  return {head.batch, head.occurrences, head.too_long};
}

}  // namespace espalier::text
