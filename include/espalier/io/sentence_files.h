// Folders of sentence-transformers: what lies beside an encoder and says how its states become one vector of
// a text. https://github.com/huggingface/sentence-transformers, versions 2 to 6.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "espalier/io/json.h"

namespace espalier::io {

enum class SentencePooling {
  kMean,            // of the states of all tokens
  kFirst,           // the state at position 0
  kMax,             // of each component
  kMeanSqrtLength,  // the sum of the states / sqrt(tokens)
};

struct SentenceOptions {
  SentencePooling pooling = SentencePooling::kMean;
  bool normalize = false;       // the vector, to length 1
  std::int64_t max_length = 0;  // tokens that are read; 0: as many as the model can
  bool lower_case = false;      // before all else that the tokenizer does
  std::vector<std::pair<std::string, std::string>> prompts;  // name, text to put before a text
  std::string default_prompt;                                // the name of one of them; empty: none
  std::int64_t truncate_dim = 0;  // numbers of the vector that are kept, its first; 0: all
};

// The JSON files of a folder by their paths in it, {"modules.json": [...], "1_Pooling/config.json": {...}};
// null where it has no modules.json. InputError naming file and key for a chain of modules other than
// Transformer, Pooling, Normalize, and for what of theirs is not supported.
Json read_sentence_files(const std::filesystem::path& folder);
// What of the encoder's settings there, which transformers' classes take, is not followed here, for people.
std::vector<std::string> unread_encoder_settings(const Json& files, const std::string& where);
// Whether such a folder asks for lower case before its tokenizer, whatever else it asks for.
bool asks_for_lower_case(const std::filesystem::path& folder);
// What of those files, and of what its config.json keeps of theirs, says something of a classifier's scores
// (sentence-transformers' CrossEncoder) that is not computed here, for people.
std::vector<std::string> unread_sentence_files(const std::filesystem::path& folder, const Json& config);
// Whether they name an activation of a classifier's numbers, if only the identity.
bool names_activation(const std::filesystem::path& folder, const Json& config);
// What they say; `where` names their source in messages. `tokenizer_config` (null: none) says how many tokens
// are read where they do not.
SentenceOptions sentence_options(const Json& files, const Json& tokenizer_config, const std::string& where);
// The same files for a model with another tokenizer_config.json: how many tokens are read stands among them.
Json with_own_length(Json files, const Json& tokenizer_config, const std::string& where);
void write_sentence_files(const std::filesystem::path& folder, const Json& files);

// Whether write_sentence_files() may have written what lies there under the name.
bool is_sentence_entry(const std::filesystem::path& path);

}  // namespace espalier::io
