// What `espalier prepare` reads: from text to tokenizer and token store.
#pragma once

#include "espalier/config/fields.h"

namespace espalier::config {

enum class SequenceOrder { kStored, kFullStops };

struct PrepareConfig {
  std::vector<std::string> text_files;
  std::string out;
  std::string tokenizer_file;
  std::int64_t vocab_size = 32768;
  std::int64_t max_words = 4000000;
  std::int64_t sequence_length = 128;
  double validation_fraction = 0.01;
  double max_token_ratio = 0.25;
  SequenceOrder order = SequenceOrder::kFullStops;
  std::int64_t sort_memory_mb = 512;
};

void describe(PrepareConfig& config, Fields& fields);
// Throws InputError naming what is missing.
void validate(const PrepareConfig& config);

}  // namespace espalier::config
