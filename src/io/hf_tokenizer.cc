#include "io/hf_tokenizer.h"

#include <algorithm>

namespace espalier::io {

namespace {

struct Role {
  const char* name;
  std::vector<std::string> contents;  // crammed BERT's, then BERT's
};

const std::vector<Role>& roles() {
  static const std::vector<Role> all = {{"bos_token", {"<s>"}},
                                        {"cls_token", {"<cls>", "[CLS]"}},
                                        {"eos_token", {"</s>"}},
                                        {"mask_token", {"<mask>", "[MASK]"}},
                                        {"pad_token", {"<pad>", "[PAD]"}},
                                        {"sep_token", {"<sep>", "[SEP]"}},
                                        {"unk_token", {"<unk>", "[UNK]"}}};
  return all;
}

bool has_special(const text::TokenizerModel& tokenizer, const std::string& content) {
  return std::any_of(tokenizer.special_tokens.begin(), tokenizer.special_tokens.end(),
                     [&](const text::SpecialToken& token) { return token.content == content; });
}

std::string class_of(const Json& config) {
  const auto found = config.find("tokenizer_class");
  return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool gives_types(const text::TokenizerModel& tokenizer) {
  return std::any_of(tokenizer.pair.pieces.begin(), tokenizer.pair.pieces.end(),
                     [](const text::TemplatePiece& piece) { return piece.type_id != 0; });
}

Json new_config(const text::TokenizerModel& tokenizer) {
  Json added = Json::object();
  for (const text::SpecialToken& token : tokenizer.special_tokens) {
    added[std::to_string(token.id)] = {{"content", token.content},         {"lstrip", token.lstrip},
                                       {"normalized", token.normalized},   {"rstrip", token.rstrip},
                                       {"single_word", token.single_word}, {"special", token.special}};
  }
  Json config = hf_special_tokens_map(tokenizer);
  config["added_tokens_decoder"] = std::move(added);
  config["clean_up_tokenization_spaces"] = true;
  return config;
}

}  // namespace

Json hf_special_tokens_map(const text::TokenizerModel& tokenizer) {
  Json map = Json::object();
  for (const Role& role : roles()) {
    const auto found =
        std::find_if(role.contents.begin(), role.contents.end(),
                     [&](const std::string& content) { return has_special(tokenizer, content); });
    if (found != role.contents.end()) map[role.name] = *found;
  }
  return map;
}

Json hf_tokenizer_config(const text::TokenizerModel& tokenizer, const Json& found, std::int64_t max_length,
                         bool takes_types) {
  Json config = found.is_null() ? new_config(tokenizer) : found;
  const bool without_types = !takes_types || class_of(config).starts_with("DistilBert");
  for (const char* local : {"auto_map", "backend", "is_local", "local_files_only"}) config.erase(local);
  if (!config.contains("model_max_length")) config["model_max_length"] = max_length;
  if (without_types) {
    config["model_input_names"] = Json::array({"input_ids", "attention_mask"});
  } else if (!config.contains("model_input_names") && gives_types(tokenizer)) {
    config["model_input_names"] = Json::array({"input_ids", "token_type_ids", "attention_mask"});
  }
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  return config;
}

}  // namespace espalier::io
