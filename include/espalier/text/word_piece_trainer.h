// Learns a WordPiece vocabulary from word counts.
#pragma once

#include <string>
#include <vector>

#include "espalier/text/tokenizer_model.h"
#include "espalier/text/word_counter.h"

namespace espalier::text {

struct TrainerOptions {
  int vocabulary_size = 32768;  // special tokens included
  int limit_alphabet = 1000;    // the most frequent characters that are kept; the rest become unknown
  std::string continuation_prefix = "##";
  std::vector<std::string> special_tokens = crammed_bert_special_tokens();
};

// The trainer that Hugging Face calls WordPieceTrainer: byte pair encoding (Sennrich et al. 2016) whose
// symbols inside a word carry the prefix. Characters beyond the limit are cut out of their words.
// Order of the result: special tokens; the alphabet by code point; the alphabet's continuations by code
// point; merges, most frequent pair first, among equals the one with the smaller left id, then right id. It
// depends on the counts alone, not on their order. Shorter than vocabulary_size where the text has no more
// pairs. Throws InputError if the alphabet alone does not fit.
std::vector<std::string> train_word_piece(const WordCounts& counts, const TrainerOptions& options = {});

}  // namespace espalier::text
