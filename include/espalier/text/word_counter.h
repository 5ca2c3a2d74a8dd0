// Counts the words of a corpus in bounded memory, for the WordPiece trainer.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "espalier/text/tokenizer_model.h"

namespace espalier::text {

// Words with their counts, in the order of first appearance.
struct WordCounts {
  struct Entry {
    std::string_view word;  // lies in `storage`
    std::uint64_t count;
  };
  std::vector<Entry> words;
  std::shared_ptr<const void> storage;

  std::uint64_t occurrences = 0;          // words read in all
  std::uint64_t too_long = 0;             // of them left out, being longer than max_word_characters
  std::uint64_t dropped_words = 0;        // entries dropped because the table was full
  std::uint64_t dropped_occurrences = 0;  // and what they had counted
  std::uint64_t largest_undercount = 0;   // no count is further than this below the truth
};

struct WordCounterOptions {
  std::int64_t max_words = 4'000'000;  // entries of the table: about 110 bytes each at the peak
  int max_word_characters = 100;       // an encoder never looks into longer words
  std::int64_t batch_bytes = 8 << 20;  // text gathered before it is counted in parallel
};

// Memory stays bounded whatever the corpus: after each batch of `batch_bytes` of text, a table with more than
// max_words entries (or 32 max_words bytes of words) drops its rarest down to 3/4. The rule is that of lossy
// counting (Manku and Motwani 2002) with a threshold that adapts: an entry remembers how much may have been
// dropped of its word before it came in, and goes if its count plus that is at most the smallest threshold
// that frees enough. Batches depend on the order of the documents alone, so the result is the same for any
// number of threads.
//
// Several processes (processes/processes.h) share the work: each is given all documents, counts its part of
// the text, and process 0 joins the parts batch by batch, as one process would: its result is the same.
class WordCounter {
 public:
  WordCounter(const NormalizerSpec& normalizer, const PreTokenizerSpec& pre_tokenizer,
              const WordCounterOptions& options = {});
  ~WordCounter();
  WordCounter(WordCounter&&) noexcept;
  WordCounter& operator=(WordCounter&&) noexcept;

  // Counts a document of raw text; special tokens are not looked for. Documents over 256 kB are cut at white
  // space into parts that are normalized alone. To be called by one thread; the work runs on all. Collective,
  // as finish() is.
  void add(std::string_view document);

  // The counts of everything added, at process 0; no words elsewhere. The counter is empty afterwards.
  WordCounts finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::text
