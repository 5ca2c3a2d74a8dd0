#include "espalier/text/word_piece_trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "espalier/base/philox.h"
#include "espalier/text/tokenizer.h"
#include "tests/support/support.h"

namespace espalier::text {

namespace {

using CountedWords = std::vector<std::pair<std::string, std::uint64_t>>;
using Strings = std::vector<std::string>;

TrainerOptions sized(int size) {
  TrainerOptions options;
  options.vocabulary_size = size;
  options.special_tokens = {"<unk>"};
  return options;
}

Strings train(const CountedWords& list, const TrainerOptions& options) {
  WordCounts counts;
  for (const auto& [word, count] : list) counts.words.push_back({word, count});
  return train_word_piece(counts, options);
}

std::string join(const std::string& left, const std::string& right) {
  return left + (right.starts_with("##") ? right.substr(2) : right);
}

// The same by counting all pairs anew before every merge. ASCII words only.
Strings train_by_recounting(const CountedWords& list, const TrainerOptions& options) {
  Strings vocabulary = options.special_tokens;
  std::map<std::string, std::size_t> ids;
  std::set<std::string> first, later;
  std::vector<std::pair<Strings, std::uint64_t>> words;
  for (const auto& [word, count] : list) {
    Strings symbols;
    for (const char c : word) {
      first.insert(std::string(1, c));
      symbols.push_back(symbols.empty() ? std::string(1, c) : "##" + std::string(1, c));
      if (symbols.size() > 1) later.insert(symbols.back());
    }
    words.emplace_back(symbols, count);
  }
  vocabulary.insert(vocabulary.end(), first.begin(), first.end());
  vocabulary.insert(vocabulary.end(), later.begin(), later.end());
  for (std::size_t i = 0; i < vocabulary.size(); ++i) ids[vocabulary[i]] = i;
  while (vocabulary.size() < static_cast<std::size_t>(options.vocabulary_size)) {
    std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> pairs;
    for (const auto& [symbols, count] : words) {
      for (std::size_t i = 1; i < symbols.size(); ++i) pairs[{ids[symbols[i - 1]], ids[symbols[i]]}] += count;
    }
    const auto best = std::max_element(pairs.begin(), pairs.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == pairs.end()) break;
    const std::string left = vocabulary[best->first.first];
    const std::string right = vocabulary[best->first.second];
    const std::string merged = join(left, right);
    if (ids.try_emplace(merged, vocabulary.size()).second) vocabulary.push_back(merged);
    for (auto& [symbols, count] : words) {
      for (std::size_t i = 1; i < symbols.size(); ++i) {
        if (symbols[i - 1] != left || symbols[i] != right) continue;
        symbols[i - 1] = merged;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
  return vocabulary;
}

CountedWords random_words(std::uint64_t seed, int count, int letters) {
  const Philox random(seed, RandomStream::kTest);
  std::map<std::string, std::uint64_t> words;
  std::uint64_t draw = 0;
  const auto pick = [&](int n) { return static_cast<int>(random.uniform(draw++) * static_cast<float>(n)); };
  for (int i = 0; i < count; ++i) {
    std::string word;
    for (int k = 1 + pick(9); k > 0; --k) word += static_cast<char>('a' + pick(letters));
    words[word] += static_cast<std::uint64_t>(1 + pick(6));
  }
  return {words.begin(), words.end()};
}

}  // namespace

TEST_CASE("special tokens, letters, continuations, then merges by frequency") {
  const CountedWords list = {{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}};
  // ##e ##s 9 before ##s ##t 9 (smaller left id), ##es ##t 9, l ##o 7, lo ##w 7, then n ##e of three with 6.
  CHECK(train(list, sized(24)) == Strings{"<unk>", "d",   "e",   "i",    "l",     "n",   "o",   "r",
                                          "s",     "t",   "w",   "##d",  "##e",   "##i", "##o", "##r",
                                          "##s",   "##t", "##w", "##es", "##est", "lo",  "low", "ne"});
}

TEST_CASE("equals counting anew before every merge") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    // Few letters make repeats such as aaaa, and tokens that several merges spell.
    const CountedWords list = random_words(seed, 150, 1 + static_cast<int>(seed % 4));
    CAPTURE(seed);
    CHECK(train(list, sized(150)) == train_by_recounting(list, sized(150)));
  }
}

TEST_CASE("the order of the words does not matter") {
  CountedWords list = random_words(77, 400, 6);
  const Strings expected = train(list, sized(300));
  std::reverse(list.begin(), list.end());
  CHECK(train(list, sized(300)) == expected);
  std::swap(list[3], list[200]);
  CHECK(train(list, sized(300)) == expected);
}

TEST_CASE("stops where no pair is left") {
  CHECK(train({{"ab", 1}}, sized(100)) == Strings{"<unk>", "a", "b", "##b", "ab"});
  CHECK(train({}, sized(10)) == Strings{"<unk>"});
}

TEST_CASE("characters beyond the alphabet's limit are cut out of their words") {
  TrainerOptions options = sized(100);
  options.limit_alphabet = 2;
  CHECK(train({{"a\u00E9b", 3}, {"\u00E9", 1}, {"zb", 2}}, options) ==
        Strings{"<unk>", "b", "\u00E9", "##b", "##\u00E9", "##\u00E9b"});
  // Among equals the smaller code point stays.
  CHECK(train({{"x", 1}, {"y", 1}, {"a", 1}}, options) == Strings{"<unk>", "a", "x"});
}

TEST_CASE("a special token that is a letter keeps its id") {
  TrainerOptions options = sized(10);
  options.special_tokens = {"<unk>", "b", "##a"};
  CHECK(train({{"ba", 2}}, options) == Strings{"<unk>", "b", "##a", "a", "ba"});
}

TEST_CASE("a vocabulary without room for the alphabet is refused") {
  CHECK(
      testing::error_of([] {
        train({{"abc", 1}}, sized(5));
      }) ==
      "a vocabulary of 5 has no room for the 1 special tokens, 3 characters and 2 continuations of the text: "
      "raise tokenizer.vocab_size to at least 6, or lower tokenizer.limit_alphabet (rarer characters become "
      "unknown)");
  TrainerOptions options = sized(10);
  options.limit_alphabet = 0;
  CHECK(testing::error_of([&] { train({{"a", 1}}, options); }) == "limit_alphabet must be at least 1, got 0");
}

TEST_CASE("what was trained encodes its own text without unknowns") {
  WordCounter counter(crammed_bert_normalizer(), {{PreTokenizerStep::kWhitespace}});
  const std::string text = "An espalier is a tree trained to grow flat; a trained tree, against a wall.";
  counter.add(text);
  TrainerOptions options;
  options.vocabulary_size = 60;
  const Tokenizer tokenizer(crammed_bert_tokenizer(train_word_piece(counter.finish(), options)));
  const std::vector<std::int32_t> ids = tokenizer.encode(text);
  CHECK(std::find(ids.begin(), ids.end(), tokenizer.unk_id()) == ids.end());
  CHECK(tokenizer.decode(ids, true) ==
        "an espalier is a tree trained to grow flat ; a trained tree, against a wall.");
}

}  // namespace espalier::text
