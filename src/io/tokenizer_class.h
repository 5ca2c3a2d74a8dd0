// What the class that a Hugging Face folder names makes of its tokenizer.json.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace espalier::io {

struct ClassTokenizer {
  std::string json;  // a tokenizer.json
  std::string note;  // what is otherwise than in the folder's; empty: nothing
};
// The tokenizer.json of a folder as AutoTokenizer of transformers 4.41 to 4.57 and 5.3 to 5.23 reads it. The
// classes of BERT and its kin (tokenizer_class of tokenizer_config.json, else by model_type of config.json)
// set a BertNormalizer's rules by the keys do_lower_case (true where it is missing), strip_accents and
// tokenize_chinese_chars, whatever tokenizer.json says. Others, such as PreTrainedTokenizerFast, take it as
// it is, and so does this for other normalizers. InputError for an empty file.
ClassTokenizer read_class_tokenizer(const std::filesystem::path& folder);

// What else transformers would read of the folder's tokenizer otherwise than it is read here, for people:
// texts cut at their beginning, tokens listed beside tokenizer.json alone, and what version 5 makes of one
// that is unlike BERT's.
std::vector<std::string> unfollowed_settings(const std::filesystem::path& folder,
                                             const std::string& tokenizer_json);

}  // namespace espalier::io
