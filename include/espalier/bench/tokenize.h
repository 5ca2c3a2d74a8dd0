// Training a WordPiece vocabulary and encoding, on a text file or on generated text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/bench/machine.h"

namespace espalier::bench {

struct TokenizeOptions {
  std::vector<std::string> files;  // .txt, also packed, a document a line; none: generated text
  std::int64_t megabytes = 16;     // of generated text, or at most so much of the files; 0: all of the files
  std::int64_t vocabulary = 32768;
  std::int64_t rounds = 3;
  std::string tokenizer_file;  // where the trained tokenizer.json is left; empty: nowhere
};

// One for each thread count: 1, and that of the program.
struct TokenizeRow {
  int threads = 0;
  double train_s = 0;          // counting words and learning the vocabulary
  double encode_mb_per_s = 0;  // 10^6 bytes of text; median of the rounds
  double tokens_per_s = 0;
  double spread = 0;        // of encoding: (slowest - fastest) / median
  double train_rss_gb = 0;  // by how much training raised the process's peak memory
  std::int64_t bytes = 0, tokens = 0, documents = 0, vocabulary = 0;
};

struct TokenizeReport {
  Machine machine;
  std::vector<TokenizeRow> rows;
};

// Throws InputError for files that cannot be read, RunError if the ids or the vocabulary depend on the number
// of threads.
TokenizeReport bench_tokenize(const TokenizeOptions& options);
io::Json tokenize_json(const TokenizeRow& row);

}  // namespace espalier::bench
