#include "espalier/config/prepare_config.h"

#include "espalier/base/error.h"

namespace espalier::config {

void describe(PrepareConfig& config, Fields& fields) {
  fields.add(
      "text.files", config.text_files,
      "Text to read, with * and ? in names: .txt and .txt.gz (a blank line between documents), .jsonl and "
      ".jsonl.gz (one object with `text` a line).");
  fields.add("out", config.out, "Folder to write tokenizer.json and tokens.h5 to.");
  fields.add("tokenizer.file", config.tokenizer_file,
             "A tokenizer.json to use instead of training one on the text.");
  fields.add("tokenizer.vocab_size", config.vocab_size, "Entries of the WordPiece vocabulary to train.",
             between(64, 1 << 24));
  fields.add(
      "tokenizer.max_words", config.max_words,
      "Different words counted at most while training; beyond it the rarest are dropped by a fixed rule, and "
      "the number is reported.",
      at_least(1000));
  fields.add("sequence_length", config.sequence_length, "Tokens of a sequence.", between(8, 65536));
  fields.add("validation_fraction", config.validation_fraction,
             "Share of the documents held out, chosen by a hash of their text.", {.low = 0, .high = 0.5});
  fields.add(
      "text.max_token_ratio", config.max_token_ratio,
      "A document with at least this many tokens a character is dropped as symbols rather than prose. 0.25 "
      "suits a vocabulary of 32768; smaller ones need more tokens for the same text.",
      above(0));
  fields.choice(
      "order", config.order, {{"stored", SequenceOrder::kStored}, {"full_stops", SequenceOrder::kFullStops}},
      "Order of the training sequences: as read, or those with most full stops first (the recipe).");
  fields.add("sort_memory_mb", config.sort_memory_mb,
             "Memory that sorting may use; larger stores are merged from disk.", at_least(1));
}

void validate(const PrepareConfig& config) {
  if (config.text_files.empty()) throw InputError("`text.files` is missing: the text to read");
  if (config.out.empty()) throw InputError("`out` is missing: the folder to write to");
}

}  // namespace espalier::config
