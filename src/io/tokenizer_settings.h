// What lies beside the tokenizer of a Hugging Face folder: tokenizer_config.json and special_tokens_map.json.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "espalier/io/json.h"

namespace espalier::io {

class TokenizerSettings {
 public:
  // Files that are not there have no keys.
  explicit TokenizerSettings(const std::filesystem::path& folder) {
    for (const char* name : {"special_tokens_map.json", "tokenizer_config.json"}) {
      if (std::filesystem::exists(folder / name))
        documents_.emplace_back((folder / name).string(), read_json(folder / name));
    }
  }
  // The last document that has the key wins: tokenizer_config.json.
  template <class Use>
  void with(const char* key, Use use) const {
    for (const auto& [where, json] : documents_) {
      const JsonView view(json, where);
      if (view.has(key)) use(view[key]);
    }
  }
  bool flag(const char* key, bool otherwise) const {
    with(key, [&](const JsonView& value) { otherwise = value.as_bool(); });
    return otherwise;
  }
  std::string text(const char* key, std::string otherwise) const {
    with(key, [&](const JsonView& value) { otherwise = value.as_string(); });
    return otherwise;
  }
  // A token is written as a text or as an object with its content.
  static std::string content(const JsonView& token) {
    return token.json().is_object() ? token["content"].as_string() : token.as_string();
  }
  std::string token(const char* key, std::string otherwise) const {
    with(key, [&](const JsonView& value) { otherwise = content(value); });
    return otherwise;
  }

 private:
  std::vector<std::pair<std::string, Json>> documents_;
};

}  // namespace espalier::io
