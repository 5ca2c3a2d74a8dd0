// ctest-label: threads
#include "espalier/text/word_counter.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "tests/support/support.h"

namespace espalier::text {

namespace {

using Counts = std::map<std::string, std::uint64_t>;

const PreTokenizerSpec kWords{{PreTokenizerStep::kWhitespace}};

Counts as_map(const WordCounts& counts) {
  Counts result;
  for (const auto& [word, count] : counts.words) result[std::string(word)] += count;
  CHECK(result.size() == counts.words.size());
  return result;
}

// Words of letters a to z whose frequencies fall with their length.
std::string random_document(std::uint64_t index, int words) {
  const Philox random(3, RandomStream::kTest);
  std::string text;
  for (int i = 0; i < words; ++i) {
    const std::uint64_t draw = (index * 100'000 + static_cast<std::uint64_t>(i)) * 8;
    const int length = 1 + static_cast<int>(random.uniform(draw) * 5);
    for (int k = 0; k < length; ++k) {
      text += static_cast<char>(
          'a' + static_cast<int>(random.uniform(draw + 1 + static_cast<std::uint64_t>(k)) * 26));
    }
    text += ' ';
  }
  return text;
}

void same(const WordCounts& a, const WordCounts& b) {
  REQUIRE(a.words.size() == b.words.size());
  bool equal = true;
  for (std::size_t i = 0; i < a.words.size(); ++i) {
    equal = equal && a.words[i].word == b.words[i].word && a.words[i].count == b.words[i].count;
  }
  CHECK(equal);
  CHECK(a.occurrences == b.occurrences);
  CHECK(a.dropped_words == b.dropped_words);
  CHECK(a.dropped_occurrences == b.dropped_occurrences);
  CHECK(a.largest_undercount == b.largest_undercount);
}

}  // namespace

TEST_CASE("counts normalized words over all documents") {
  WordCounter counter(crammed_bert_normalizer(), kWords);
  counter.add("The tree, the TREE!");
  counter.add("");
  counter.add("tr\u00E9e \xFF!");
  const WordCounts counts = counter.finish();
  CHECK(as_map(counts) == Counts{{"the", 2}, {"tree", 3}, {",", 1}, {"!", 2}});
  CHECK(counts.occurrences == 8);
  CHECK(counts.dropped_words == 0);
  CHECK(counter.finish().words.empty());
}

TEST_CASE("words that are too long to be encoded are only counted as such") {
  WordCounterOptions options;
  options.max_word_characters = 3;
  WordCounter counter({}, kWords, options);
  counter.add("abc abcd \u00E9\u00E9\u00E9 \u00E9\u00E9\u00E9\u00E9");
  const WordCounts counts = counter.finish();
  CHECK(as_map(counts) == Counts{{"abc", 1}, {"\u00E9\u00E9\u00E9", 1}});
  CHECK(counts.too_long == 2);
  CHECK(counts.occurrences == 4);
}

TEST_CASE("a document is cut at white space, a word never") {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "word\u00E9" + std::to_string(i % 7) + "\n";
  WordCounterOptions options;
  options.batch_bytes = 1000;
  WordCounter counter({}, kWords, options);
  counter.add(text);
  const WordCounts counts = counter.finish();
  CHECK(counts.words.size() == 7);
  CHECK(counts.occurrences == 60'000);
  // Without any white space it is cut between code points.
  std::string solid;
  for (int i = 0; i < 400'000; ++i) solid += "\u00E9";
  WordCounter other({}, {}, options);
  other.add(solid);
  const WordCounts parts = other.finish();
  CHECK(parts.too_long == parts.occurrences);
  CHECK(parts.occurrences == 4);
}

TEST_CASE("a full table drops its rarest words, and says how many and how wrong it may be") {
  Counts truth;
  WordCounterOptions options;
  options.max_words = 2000;
  options.batch_bytes = 20'000;
  WordCounter counter({}, kWords, options);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::string text = random_document(i, 4000);
    counter.add(text);
    for (std::size_t begin = 0; begin < text.size(); begin = text.find(' ', begin) + 1) {
      ++truth[text.substr(begin, text.find(' ', begin) - begin)];
    }
  }
  const WordCounts counts = counter.finish();
  CHECK(truth.size() > 20'000);
  CHECK(counts.words.size() <= 2000);
  CHECK(counts.words.size() > 500);
  CHECK(counts.dropped_words > 10'000);
  CHECK(counts.largest_undercount > 0);
  std::uint64_t kept = 0;
  const Counts found = as_map(counts);
  for (const auto& [word, count] : found) {
    kept += count;
    CHECK(count <= truth.at(word));
  }
  CHECK(kept + counts.dropped_occurrences == counts.occurrences);
  CHECK(counts.occurrences == 160'000);
  for (const auto& [word, count] : truth) {
    const auto entry = found.find(word);
    const std::uint64_t seen = entry == found.end() ? 0 : entry->second;
    if (seen + counts.largest_undercount < count) FAIL(word, ": ", seen, " of ", count);
  }
}

TEST_CASE("the same counts, drops included, for any number of threads") {
  WordCounterOptions options;
  options.max_words = 3000;
  options.batch_bytes = 2 << 20;
  const auto count = [&](int threads) {
    set_thread_count(threads);
    WordCounter counter(crammed_bert_normalizer(), kWords, options);
    for (std::uint64_t i = 0; i < 150; ++i) counter.add(random_document(i, 10'000));
    return counter.finish();
  };
  const WordCounts one = count(1);
  CHECK(one.dropped_words > 0);
  for (const int threads : {2, 3, 8}) same(one, count(threads));
  set_thread_count(available_cores());
}

TEST_CASE("a table that could hold nothing is refused") {
  WordCounterOptions options;
  options.max_words = 3;
  CHECK(testing::error_of([&] { WordCounter({}, kWords, options); }) ==
        "max_words must lie between 4 and 1000000000, got 3");
}

}  // namespace espalier::text
