// From raw text to what pretraining reads: a WordPiece tokenizer and a token store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "espalier/config/fields.h"
#include "espalier/data/bad_record.h"
#include "espalier/data/file_format.h"
#include "espalier/io/json.h"

namespace espalier::data {

// In which order the training sequences are stored. Validation sequences are always shuffled, so that the
// first of them stand for all.
enum class SequenceOrder {
  kStored,     // as the text has them
  kShuffled,   // at random, by seed
  kFullStops,  // those with most `.` tokens first, at random among equals: the recipe's curriculum
};

struct PrepareOptions {
  std::vector<std::string> text_files;
  std::string text_field = "text";
  std::optional<TableFormat> text_format;  // nothing: by the extension
  std::string text_separator = "auto";     // of .csv and .tsv
  bool text_header = true;
  OnBadRecord on_bad_record = OnBadRecord::kStop;
  std::int64_t max_document_bytes = 1 << 20;
  double max_token_ratio = 0;  // 0: default_token_ratio
  std::string tokenizer_path;
  std::string normalizer = "crammed";  // crammed, bert, none, or whose tokenizer.json to follow
  bool lowercase = true;               // of bert
  std::int64_t limit_alphabet = 1000;
  std::int64_t vocabulary_size = 32768;
  std::int64_t max_words = 4'000'000;
  std::int64_t tokenizer_sample_bytes = 0;
  std::int64_t sequence_length = 128;
  double validation_fraction = 0.02;
  SequenceOrder order = SequenceOrder::kFullStops;
  std::int64_t sort_memory_mb = 256;
  std::string out;
  std::uint64_t seed = 1;
};

// Whether tokenizer.normalizer is one of the names, not whose to take.
bool names_normalizer(const std::string& normalizer);

// Binds the keys of `espalier prepare`.
void describe(PrepareOptions& options, config::Fields& fields);
// Throws InputError naming the key that is missing.
void validate(const PrepareOptions& options);

// A document with this many tokens a character or more is taken for symbols rather than prose: 0.25, as the
// recipe has it, for 32768 words or more, a tenth more for every halving to 1024 words, and an eighth more
// for every one below. `words` are the entries of several characters: of a small vocabulary of cased text
// most entries are single ones. Prose needs more tokens where words are fewer: 0.21 a character with 32768
// words, 0.36 with 900, 0.45 with 300, 0.55 with 90. A fixed 0.25 would drop 1.4 % with 32768
// and all with 900; this rule drops at most about 3 % of six kinds of English text, cased or not, with 90 to
// 1900 words.
//
// Where no ratio is given, 8 tokens and <sep> are free: few words of which some are rare are no symbols. Of
// 12000 phrases of SST-2 (38 characters in the median) the plain rule drops 51, 38 and 38 % with 1024, 4096
// and 32768 words, this one 0.1, 0.03 and 0.02 %. Base64 of 30 bytes and more, hexadecimal dumps and tables
// of decimals still go (all of 560), lists of 5 to 500 whole numbers to 90 %, Python files to 43 %, C headers
// to 73 % (4096 words). And since the ratio is one of English words, a letter outside ASCII may take 1.5
// tokens: a Chinese character is a word of its own, and of 200 paragraphs in Chinese the plain rule drops
// 186.
double default_token_ratio(std::int64_t words);

struct PrepareProgress {
  std::string phase;       // "reading sources", "counting words", "training tokenizer", "encoding", "writing"
  std::uint64_t done = 0;  // of `total`: bytes of the files, or sequences while writing
  std::uint64_t total = 0;  // 0 where it is not known
};
using PrepareCallback = std::function<void(const PrepareProgress&)>;

struct PrepareResult {
  bool reused = false;  // everything was there already, from the same text and settings
  // What was read, dropped and written; also kept in the store.
  io::Json manifest;
  std::vector<std::string> warnings;
};

// Writes out/tokenizer.json and out/tokens.h5. Pass 1 counts the words of the training documents and trains
// the tokenizer (or reads tokenizer.path); pass 2 encodes all documents in parallel, each followed by <sep>,
// joins those of a split and cuts them in sequences; the remainder of a split is dropped. A document belongs
// to validation by the hash of its text and the seed. The result is the same, byte for byte, for any number
// of threads, and memory stays bounded whatever the corpus: the word table, 8 MB of text at a time, and the
// sort.
//
// Standard input (`-`) and pipes can be read once, but text is read several times: they are copied to a
// temporary file in `out` first.
//
// If `out` holds the result of the same text and settings nothing is done; if it holds anything else an
// InputError names what differs. Ctrl-C: temporary files are removed and Interrupted is thrown.
PrepareResult prepare(const PrepareOptions& options, const PrepareCallback& progress = {});

// The manifest in a few lines for people: documents, tokens and sequences of each split, what was dropped.
std::string prepare_summary(const io::Json& manifest);

}  // namespace espalier::data
