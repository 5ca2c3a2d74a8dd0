#include "espalier/text/word_piece_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <queue>
#include <span>
#include <string_view>
#include <unordered_map>

#include "espalier/base/error.h"
#include "text/pair_table.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

// The vocabulary as it grows.
class Symbols {
 public:
  std::uint32_t find_or_add(const std::string& token) {
    const auto [found, added] = ids_.try_emplace(token, static_cast<std::uint32_t>(tokens_.size()));
    if (added) tokens_.push_back(token);
    return found->second;
  }
  const std::string& operator[](std::uint32_t id) const { return tokens_[id]; }
  std::size_t size() const { return tokens_.size(); }
  std::vector<std::string> take() { return std::move(tokens_); }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

// A value for each character, ASCII's without a search: nearly all there are in millions of words.
template <class Value>
class ByCharacter {
 public:
  Value& operator[](char32_t code) { return code < ascii_.size() ? ascii_[code] : others_[code]; }
  // Null if there is none outside ASCII.
  Value* find(char32_t code) {
    if (code < ascii_.size()) return &ascii_[code];
    const auto found = others_.find(code);
    return found == others_.end() ? nullptr : &found->second;
  }
  template <class Use>
  void for_each(Use use) const {
    for (char32_t code = 0; code < ascii_.size(); ++code) use(code, ascii_[code]);
    for (const auto& [code, value] : others_) use(code, value);
  }

 private:
  std::array<Value, 0x80> ascii_{};
  std::unordered_map<char32_t, Value> others_;
};

// A letter's ids at the start of a word and after it.
struct Letter {
  std::uint32_t first = 0;
  std::uint32_t later = 0;
  bool known = false;
};

// All words as symbols, one after the other.
struct Words {
  struct Word {
    std::size_t begin;
    std::int64_t count;
    std::uint8_t length;  // in symbols; shrinks as pairs are merged
  };
  std::vector<std::uint32_t> symbols;
  std::vector<Word> words;
};

std::string utf8(char32_t code) {
  std::string text;
  append_utf8(code, text);
  return text;
}

// The most frequent characters, ascending; among equals the smaller code points stay.
std::vector<char32_t> alphabet_of(const WordCounts& counts, int limit) {
  ByCharacter<std::uint64_t> frequency;
  for (const WordCounts::Entry& entry : counts.words) {
    for (std::size_t i = 0; i < entry.word.size();) frequency[next_code_point(entry.word, i)] += entry.count;
  }
  std::vector<std::pair<char32_t, std::uint64_t>> letters;
  frequency.for_each([&](char32_t code, std::uint64_t count) {
    if (count > 0) letters.emplace_back(code, count);
  });
  std::sort(letters.begin(), letters.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  letters.resize(std::min(letters.size(), static_cast<std::size_t>(limit)));
  std::vector<char32_t> alphabet;
  for (const auto& letter : letters) alphabet.push_back(letter.first);
  std::sort(alphabet.begin(), alphabet.end());
  return alphabet;
}

class Trainer {
 public:
  Trainer(const WordCounts& counts, const TrainerOptions& options) : options_(options) {
    if (options.limit_alphabet < 1) {
      throw InputError(fmt::format("limit_alphabet must be at least 1, got {}", options.limit_alphabet));
    }
    for (const std::string& token : options.special_tokens) symbols_.find_or_add(token);
    add_alphabet(counts);
    spell_words(counts);
    count_pairs();
  }

  std::vector<std::string> run() {
    const auto wanted = static_cast<std::size_t>(options_.vocabulary_size);
    while (symbols_.size() < wanted && !queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const std::int64_t count = pairs_[top.record].count;
      if (count != top.count) {
        push(top.record);
        continue;
      }
      merge(top.record);
    }
    return symbols_.take();
  }

 private:
  // A pair in the queue, perhaps with a count that has changed since.
  struct Candidate {
    std::int64_t count;
    SymbolPair pair;
    std::uint32_t record;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  void add_alphabet(const WordCounts& counts);
  void spell_words(const WordCounts& counts);
  void count_pairs();
  void merge(std::uint32_t record);
  void merge_in_word(std::uint32_t word, SymbolPair pair, std::uint32_t merged);
  void lose(std::uint32_t left, std::uint32_t right, std::int64_t count);
  void gain(std::uint32_t left, std::uint32_t right, std::uint32_t word);
  void push(std::uint32_t record) {
    const PairRecord& pair = pairs_[record];
    if (pair.count > 0) queue_.push({pair.count, pair.pair, record});
  }

  const TrainerOptions& options_;
  Symbols symbols_;
  ByCharacter<Letter> letters_;
  Words words_;
  PairTable pairs_;
  std::priority_queue<Candidate> queue_;
  std::uint32_t merges_ = 0;
  std::vector<std::uint32_t> gained_;  // records that the current merge added to
};

void Trainer::add_alphabet(const WordCounts& counts) {
  const std::vector<char32_t> alphabet = alphabet_of(counts, options_.limit_alphabet);
  for (const char32_t code : alphabet) letters_[code] = {symbols_.find_or_add(utf8(code)), 0, true};
  // Only letters that do occur inside a word get a continuation.
  std::vector<char32_t> inner;
  for (const WordCounts::Entry& entry : counts.words) {
    bool first = true;
    for (std::size_t i = 0; i < entry.word.size(); first = false) {
      const char32_t code = next_code_point(entry.word, i);
      Letter* letter = letters_.find(code);
      if (first || letter == nullptr || !letter->known || letter->later != 0) continue;
      letter->later = 1;
      inner.push_back(code);
    }
  }
  std::sort(inner.begin(), inner.end());
  for (const char32_t code : inner) {
    letters_[code].later = symbols_.find_or_add(options_.continuation_prefix + utf8(code));
  }
  if (options_.vocabulary_size < 0 || symbols_.size() > static_cast<std::size_t>(options_.vocabulary_size)) {
    throw InputError(fmt::format(
        "a vocabulary of {} has no room for the {} special tokens, {} characters and {} continuations "
        "of the text: raise tokenizer.vocab_size to at least {}, or lower tokenizer.limit_alphabet (rarer "
        "characters "
        "become unknown)",
        options_.vocabulary_size, options_.special_tokens.size(), alphabet.size(), inner.size(),
        symbols_.size()));
  }
}

void Trainer::spell_words(const WordCounts& counts) {
  std::vector<std::uint32_t> spelling;
  for (const WordCounts::Entry& entry : counts.words) {
    spelling.clear();
    bool first = true;
    for (std::size_t i = 0; i < entry.word.size(); first = false) {
      const Letter* letter = letters_.find(next_code_point(entry.word, i));
      if (letter == nullptr || !letter->known) continue;
      spelling.push_back(first ? letter->first : letter->later);
    }
    // A single symbol has no pairs. Words over 255 symbols are unknown to every encoder (100 by default).
    if (spelling.size() < 2 || spelling.size() > 255) continue;
    words_.words.push_back({words_.symbols.size(), static_cast<std::int64_t>(entry.count),
                            static_cast<std::uint8_t>(spelling.size())});
    words_.symbols.insert(words_.symbols.end(), spelling.begin(), spelling.end());
  }
}

void Trainer::count_pairs() {
  for (std::uint32_t word = 0; word < words_.words.size(); ++word) {
    const std::uint32_t* symbols = words_.symbols.data() + words_.words[word].begin;
    for (std::size_t i = 1; i < words_.words[word].length; ++i) gain(symbols[i - 1], symbols[i], word);
  }
  gained_.clear();
  for (std::uint32_t record = 0; record < pairs_.size(); ++record) push(record);
}

void Trainer::lose(std::uint32_t left, std::uint32_t right, std::int64_t count) {
  pairs_[pairs_.find_or_add(symbol_pair(left, right))].count -= count;
}

void Trainer::gain(std::uint32_t left, std::uint32_t right, std::uint32_t word) {
  const std::uint32_t index = pairs_.find_or_add(symbol_pair(left, right));
  PairRecord& record = pairs_[index];
  record.count += words_.words[word].count;
  if (record.words.empty() || record.words.back() != word) record.words.push_back(word);
  if (record.last_merge != merges_) {
    record.last_merge = merges_;
    gained_.push_back(index);
  }
}

void Trainer::merge(std::uint32_t record) {
  const SymbolPair pair = pairs_[record].pair;
  std::string_view tail = symbols_[right_symbol(pair)];
  if (tail.starts_with(options_.continuation_prefix)) tail.remove_prefix(options_.continuation_prefix.size());
  const std::uint32_t merged = symbols_.find_or_add(symbols_[left_symbol(pair)] + std::string(tail));
  const std::vector<std::uint32_t> words = std::move(pairs_[record].words);
  pairs_[record].words.clear();
  ++merges_;
  gained_.clear();
  // These lie all over millions of words: most of the time went into waiting for memory. Written here: g++ 12
  // takes a function that only prefetches for one without effect, and leaves its calls out.
  constexpr std::size_t kAhead = 16;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i + 2 * kAhead < words.size()) __builtin_prefetch(&words_.words[words[i + 2 * kAhead]]);
    if (i + kAhead < words.size()) {
      __builtin_prefetch(&words_.symbols[words_.words[words[i + kAhead]].begin], 1);
    }
    merge_in_word(words[i], pair, merged);
  }
  pairs_[record].count = 0;  // none is left, whatever overlaps such as a a a made of the count
  for (const std::uint32_t gained : gained_) push(gained);
}

void Trainer::merge_in_word(std::uint32_t word, SymbolPair pair, std::uint32_t merged) {
  const std::uint32_t left = left_symbol(pair);
  const std::uint32_t right = right_symbol(pair);
  std::uint32_t* symbols = words_.symbols.data() + words_.words[word].begin;
  const std::size_t length = words_.words[word].length;
  const std::int64_t count = words_.words[word].count;
  std::size_t out = 0;
  for (std::size_t i = 0; i < length; ++out) {
    const bool match = symbols[i] == left && i + 1 < length && symbols[i + 1] == right;
    if (!match) {
      symbols[out] = symbols[i++];
      continue;
    }
    if (out > 0) {
      lose(symbols[out - 1], left, count);
      gain(symbols[out - 1], merged, word);
    }
    if (i + 2 < length) {
      lose(right, symbols[i + 2], count);
      gain(merged, symbols[i + 2], word);
    }
    symbols[out] = merged;
    i += 2;
  }
  words_.words[word].length = static_cast<std::uint8_t>(out);
}

}  // namespace

std::vector<std::string> train_word_piece(const WordCounts& counts, const TrainerOptions& options) {
  return Trainer(counts, options).run();
}

}  // namespace espalier::text
