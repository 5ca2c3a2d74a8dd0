#include "espalier/text/word_counter.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "text/word_table.h"

namespace espalier::text {

namespace {

// Longer documents are cut, so that one document can't outgrow a batch or occupy a single thread.
constexpr std::size_t kMostSegment = 256 << 10;
constexpr std::size_t kTaskBytes = 512 << 10;
constexpr std::size_t kMeanWordBytes = 32;

// Where to cut a text that is longer than kMostSegment: after its last blank or line end within that, else
// before a code point.
std::size_t segment_length(std::string_view text) {
  if (text.size() <= kMostSegment) return text.size();
  const std::size_t blank = text.substr(0, kMostSegment).find_last_of(" \n\t\r");
  if (blank != std::string_view::npos && blank > 0) return blank + 1;
  std::size_t length = kMostSegment;
  while (length > kMostSegment - 4 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  return length;
}

struct Task {
  std::size_t begin;
  std::size_t end;  // range of segments
  WordTable table = {};
  std::uint64_t occurrences = 0;
  std::uint64_t too_long = 0;
};

}  // namespace

struct WordCounter::State {
  State(const NormalizerSpec& normalizer_spec, const PreTokenizerSpec& pre_tokenizer_spec,
        const WordCounterOptions& chosen)
      : options(chosen), normalizer(normalizer_spec), pre_tokenizer(pre_tokenizer_spec) {}

  void count_batch();
  void count(Task& task) const;
  void drop_rarest();
  bool is_full() const;

  WordCounterOptions options;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::string pending;
  std::vector<std::size_t> segment_ends;
  WordTable table;
  WordCounts totals;  // the figures; the words come at the end
};

bool WordCounter::State::is_full() const {
  const auto most = static_cast<std::size_t>(options.max_words);
  return table.entries().size() > most || table.bytes() > most * kMeanWordBytes;
}

void WordCounter::State::count(Task& task) const {
  const auto longest = static_cast<std::size_t>(options.max_word_characters);
  Normalizer::Buffers buffers;
  std::string repaired;
  for (std::size_t i = task.begin; i < task.end; ++i) {
    const std::size_t begin = i == 0 ? 0 : segment_ends[i - 1];
    const std::string_view segment = std::string_view(pending).substr(begin, segment_ends[i] - begin);
    const std::string_view text = normalizer(repair_utf8(segment, repaired), buffers);
    pre_tokenizer.for_each_word(text, [&](std::string_view word) {
      ++task.occurrences;
      if (word.size() > longest && count_code_points(word) > longest) {
        ++task.too_long;
      } else {
        task.table.add(word, 1, 0);
      }
    });
  }
}

void WordCounter::State::count_batch() {
  std::vector<Task> tasks;
  std::size_t filled = kTaskBytes;
  for (std::size_t i = 0; i < segment_ends.size(); ++i) {
    if (filled >= kTaskBytes) {
      tasks.push_back({.begin = i, .end = i});
      filled = 0;
    }
    tasks.back().end = i + 1;
    filled += segment_ends[i] - (i == 0 ? 0 : segment_ends[i - 1]);
  }
  parallel_for(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t begin, std::int64_t /*end*/) {
    count(tasks[static_cast<std::size_t>(begin)]);
  });
  for (Task& task : tasks) {
    for (const WordTable::Entry& entry : task.table.entries()) {
      table.add_hashed(entry.word(), entry.hash, entry.count, totals.largest_undercount);
    }
    totals.occurrences += task.occurrences;
    totals.too_long += task.too_long;
    task.table = WordTable();
  }
  pending.clear();
  segment_ends.clear();
  if (is_full()) drop_rarest();
}

void WordCounter::State::drop_rarest() {
  const std::vector<WordTable::Entry>& entries = table.entries();
  const auto weight = [](const WordTable::Entry& entry) { return entry.count + entry.missed; };
  struct Tally {
    std::size_t words = 0;
    std::size_t bytes = 0;
  };
  std::unordered_map<std::uint64_t, Tally> tallies;
  for (const WordTable::Entry& entry : entries) {
    Tally& tally = tallies[weight(entry)];
    tally.words += 1;
    tally.bytes += entry.length;
  }
  std::vector<std::pair<std::uint64_t, Tally>> by_weight(tallies.begin(), tallies.end());
  std::sort(by_weight.begin(), by_weight.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  // From the heaviest down, weights are kept whole while they fit in 3/4 of the room.
  const std::size_t room = static_cast<std::size_t>(options.max_words) / 4 * 3;
  Tally kept;
  std::size_t next = 0;
  for (; next < by_weight.size(); ++next) {
    kept.words += by_weight[next].second.words;
    kept.bytes += by_weight[next].second.bytes;
    if (kept.words > room || kept.bytes > room * kMeanWordBytes) break;
  }
  ESPALIER_CHECK(next < by_weight.size());
  const std::uint64_t threshold = by_weight[next].first;
  WordTable smaller;
  for (const WordTable::Entry& entry : entries) {
    if (weight(entry) > threshold) {
      smaller.add_hashed(entry.word(), entry.hash, entry.count, entry.missed);
    } else {
      ++totals.dropped_words;
      totals.dropped_occurrences += entry.count;
    }
  }
  totals.largest_undercount = std::max(totals.largest_undercount, threshold);
  table = std::move(smaller);
}

WordCounter::WordCounter(const NormalizerSpec& normalizer, const PreTokenizerSpec& pre_tokenizer,
                         const WordCounterOptions& options)
    : state_(std::make_unique<State>(normalizer, pre_tokenizer, options)) {
  if (options.max_words < 4 || options.max_words > 1'000'000'000) {
    throw InputError(fmt::format("max_words must lie between 4 and 1000000000, got {}", options.max_words));
  }
  ESPALIER_CHECK(options.batch_bytes > 0 && options.max_word_characters > 0);
}

WordCounter::~WordCounter() = default;
WordCounter::WordCounter(WordCounter&&) noexcept = default;
WordCounter& WordCounter::operator=(WordCounter&&) noexcept = default;

void WordCounter::add(std::string_view document) {
  while (!document.empty()) {
    const std::size_t length = segment_length(document);
    state_->pending.append(document.substr(0, length));
    state_->segment_ends.push_back(state_->pending.size());
    document.remove_prefix(length);
    if (state_->pending.size() >= static_cast<std::size_t>(state_->options.batch_bytes))
      state_->count_batch();
  }
}

WordCounts WordCounter::finish() {
  state_->count_batch();
  WordCounts counts = std::move(state_->totals);
  counts.words.reserve(state_->table.entries().size());
  for (const WordTable::Entry& entry : state_->table.entries())
    counts.words.push_back({entry.word(), entry.count});
  counts.storage = state_->table.arena();
  state_->table = WordTable();
  state_->totals = WordCounts();
  return counts;
}

WordCounts WordCounts::from_list(const std::vector<std::pair<std::string, std::uint64_t>>& list) {
  WordCounts counts;
  const auto arena = std::make_shared<WordArena>();
  for (const auto& [word, count] : list) {
    counts.words.push_back({{arena->store(word), word.size()}, count});
    counts.occurrences += count;
  }
  counts.storage = arena;
  return counts;
}

}  // namespace espalier::text
