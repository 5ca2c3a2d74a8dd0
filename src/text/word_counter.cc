#include "espalier/text/word_counter.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_map>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/processes/processes.h"
#include "processes/rounds.h"
#include "text/counted_part.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "text/word_table.h"

namespace espalier::text {

namespace {

// Longer documents are cut, so that one document can't outgrow a batch or occupy a single thread.
constexpr std::size_t kMostSegment = 256 << 10;
constexpr std::size_t kLeastTaskBytes = 512 << 10;
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
  CountedPart part = {};
};

// A piece of a document, by where it ends in the text at hand.
struct Segment {
  std::size_t end;
  std::uint64_t batch;  // of the round
};

// How much of `bytes` a thread counts at a time: several times a thread, so that all are done together, and
// no more often, since each part has most of its words in common with the others, and all are joined.
std::size_t task_bytes(std::size_t bytes) {
  const auto threads = static_cast<std::size_t>(thread_count());
  return threads == 1 ? bytes : std::max(kLeastTaskBytes, bytes / (4 * threads));
}

// Of the parts of one batch, one is made first: fewer words to send and to join. Nothing at process 0.
processes::Bytes message_of(std::vector<Task>& tasks, processes::Place place) {
  processes::Bytes message;
  if (place.number == 0) return message;
  for (std::size_t i = 0; i < tasks.size();) {
    CountedPart sum = std::move(tasks[i++].part);
    for (; i < tasks.size() && tasks[i].part.batch == sum.batch; ++i) {
      sum.table.add_all(tasks[i].part.table.entries(), 0);
      sum.occurrences += tasks[i].part.occurrences;
      sum.too_long += tasks[i].part.too_long;
    }
    append(sum, message);
  }
  return message;
}

}  // namespace

struct WordCounter::State {
  State(const NormalizerSpec& normalizer_spec, const PreTokenizerSpec& pre_tokenizer_spec,
        const WordCounterOptions& chosen)
      : options(chosen), normalizer(normalizer_spec), pre_tokenizer(pre_tokenizer_spec) {}

  void add(std::string_view segment);
  std::vector<Task> own_tasks() const;
  void count(Task& task) const;
  void finish_round(bool last);
  void join(std::vector<Task>& own, std::span<const processes::Bytes> messages);
  void take(const CountedPart& figures);
  void drop_rarest();
  bool is_full() const;

  // A batch for each process.
  std::uint64_t round_bytes() const {
    return static_cast<std::uint64_t>(options.batch_bytes) * static_cast<std::uint64_t>(place.count);
  }

  WordCounterOptions options;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  processes::Place place = processes::place();
  processes::Rounds rounds;
  std::string pending;  // this process's portion of the round
  std::vector<Segment> segments;
  std::uint64_t batch = 0;                           // the one that is filled
  std::uint64_t batch_filled = 0, round_filled = 0;  // bytes of all processes
  WordTable table;                                   // at process 0, as is the rest
  WordCounts totals;                                 // the figures; the words come at the end
};

bool WordCounter::State::is_full() const {
  const auto most = static_cast<std::size_t>(options.max_words);
  return table.entries().size() > most || table.bytes() > most * kMeanWordBytes;
}

void WordCounter::State::add(std::string_view segment) {
  if (rounds.owner(round_filled, round_bytes()) == place.number) {
    pending.append(segment);
    segments.push_back({pending.size(), batch});
  }
  round_filled += segment.size();
  batch_filled += segment.size();
  if (batch_filled < static_cast<std::uint64_t>(options.batch_bytes)) return;
  batch_filled = 0;
  if (++batch == static_cast<std::uint64_t>(place.count)) finish_round(false);
}

void WordCounter::State::count(Task& task) const {
  const auto longest = static_cast<std::size_t>(options.max_word_characters);
  Normalizer::Buffers buffers;
  std::string repaired;
  for (std::size_t i = task.begin; i < task.end; ++i) {
    const std::size_t begin = i == 0 ? 0 : segments[i - 1].end;
    const std::string_view segment = std::string_view(pending).substr(begin, segments[i].end - begin);
    const std::string_view text = normalizer(repair_utf8(segment, repaired), buffers);
    pre_tokenizer.for_each_word(text, [&](std::string_view word) {
      ++task.part.occurrences;
      if (word.size() > longest && count_code_points(word) > longest) {
        ++task.part.too_long;
      } else {
        task.part.table.add(word, 1, 0);
      }
    });
  }
}

// Each of one batch.
std::vector<Task> WordCounter::State::own_tasks() const {
  std::vector<Task> tasks;
  const std::size_t enough = task_bytes(pending.size());
  std::size_t filled = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (tasks.empty() || filled >= enough || segments[i].batch != tasks.back().part.batch) {
      tasks.push_back({.begin = i, .end = i, .part = {.batch = segments[i].batch}});
      filled = 0;
    }
    tasks.back().end = i + 1;
    filled += segments[i].end - (i == 0 ? 0 : segments[i - 1].end);
  }
  return tasks;
}

void WordCounter::State::finish_round(bool last) {
  const processes::Elapsed counting;
  std::vector<Task> tasks = own_tasks();
  parallel_for(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t begin, std::int64_t /*end*/) {
    count(tasks[static_cast<std::size_t>(begin)]);
  });
  processes::Bytes message = message_of(tasks, place);
  const std::vector<processes::Bytes> messages =
      rounds.finish(std::move(message), pending.size(), counting.seconds(), round_filled, last);
  const processes::Elapsed joining;
  if (place.number == 0) join(tasks, messages);
  rounds.joined(joining.seconds());
  pending.clear();
  segments.clear();
  batch = batch_filled = round_filled = 0;
}

void WordCounter::State::take(const CountedPart& figures) {
  totals.occurrences += figures.occurrences;
  totals.too_long += figures.too_long;
}

// Batch by batch, in the order of the text. A batch that is begun but not full counts as one.
void WordCounter::State::join(std::vector<Task>& own, std::span<const processes::Bytes> messages) {
  std::vector<PartsMessage> others;
  for (const processes::Bytes& message : messages) others.emplace_back(message);
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(place.count); ++i) {
    for (; next < own.size() && own[next].part.batch == i; ++next) {
      CountedPart& part = own[next].part;
      table.add_all(part.table.entries(), totals.largest_undercount);
      take(part);
      part.table = WordTable();
    }
    for (PartsMessage& other : others) {
      while (other.holds(i)) take(other.take(totals.largest_undercount, table));
    }
    if (is_full()) drop_rarest();
  }
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
    state_->add(document.substr(0, length));
    document.remove_prefix(length);
  }
}

WordCounts WordCounter::finish() {
  state_->finish_round(true);
  WordCounts counts = std::move(state_->totals);
  counts.words.reserve(state_->table.entries().size());
  for (const WordTable::Entry& entry : state_->table.entries())
    counts.words.push_back({entry.word(), entry.count});
  counts.storage = state_->table.arena();
  state_->table = WordTable();
  state_->totals = WordCounts();
  return counts;
}

}  // namespace espalier::text
