// A tokenizer out of vocab.txt and what lies beside it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_source.h"
#include "io/tokenizer_settings.h"
#include "text/utf8.h"

namespace espalier::io {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> read_lines(const fs::path& file) {
  const std::string text = read_text_file(file);
  const std::string_view mark = "\xEF\xBB\xBF";
  std::vector<std::string> lines;
  for (std::size_t begin = text.starts_with(mark) ? mark.size() : 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!text::is_utf8(line)) {
      throw InputError(
          fmt::format("{}: line {}: bytes that are not UTF-8; if they are Latin-1, convert them: iconv -f "
                      "latin1 -t utf-8",
                      file.string(), lines.size() + 1));
    }
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  // Left by an editor: no words.
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

class VocabularyReader {
 public:
  explicit VocabularyReader(const fs::path& folder) : file_(folder / "vocab.txt"), settings_(folder) {
    model_.vocabulary = read_lines(file_);
    for (std::size_t i = 0; i < model_.vocabulary.size(); ++i) {
      const auto [found, added] = ids_.emplace(model_.vocabulary[i], static_cast<std::int32_t>(i));
      if (added) continue;
      throw InputError(fmt::format("{}: line {}: the token \"{}\" stands in line {} too", file_.string(),
                                   i + 1, found->first, found->second + 1));
    }
  }

  text::TokenizerModel build() {
    require_word_piece();
    text::BertNormalizer normalizer;
    normalizer.lowercase = settings_.flag("do_lower_case", true);
    normalizer.handle_chinese_characters = settings_.flag("tokenize_chinese_chars", true);
    settings_.with("strip_accents",
                   [&](const JsonView& value) { normalizer.strip_accents = value.as_bool(); });
    model_.normalizer.steps = {normalizer};
    model_.pre_tokenizer.steps = {text::PreTokenizerStep::kBert};
    model_.decoder = text::WordPieceDecoder{};
    model_.unknown_token = settings_.token("unk_token", "[UNK]");
    add_special(model_.unknown_token);
    const std::string cls = settings_.token("cls_token", "[CLS]");
    const std::string sep = settings_.token("sep_token", "[SEP]");
    using Kind = text::TemplatePiece::Kind;
    const auto token = [&](const std::string& name, std::int32_t type) {
      return text::TemplatePiece{Kind::kTokens, name, {add_special(name)}, type};
    };
    model_.single.pieces = {token(cls, 0), {Kind::kSequenceA, "", {}, 0}, token(sep, 0)};
    model_.pair.pieces = model_.single.pieces;
    model_.pair.pieces.push_back({Kind::kSequenceB, "", {}, 1});
    model_.pair.pieces.push_back(token(sep, 1));
    add_special(settings_.token("pad_token", "[PAD]"));
    add_special(settings_.token("mask_token", "[MASK]"));
    settings_.with("added_tokens_decoder", [&](const JsonView& added) { add_tokens(added); });
    add_tokens_of_file();
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
      settings_.with(key, [&](const JsonView& names) { add_more_specials(names); });
    }
    std::sort(model_.special_tokens.begin(), model_.special_tokens.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    return std::move(model_);
  }

 private:
  // Other classes read a vocab.txt in their own way; one that reads tokenizer.json alone says nothing
  // against.
  void require_word_piece() const {
    settings_.with("tokenizer_class", [](const JsonView& value) {
      const std::string name = value.as_string();
      for (const char* known : {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer",
                                "MobileBertTokenizer", "PreTrainedTokenizer", "TokenizersBackend"}) {
        if (name.starts_with(known)) return;
      }
      value.fail(
          fmt::format("no tokenizer can be built from vocab.txt for {}; save a tokenizer.json with "
                      "transformers (AutoTokenizer, save_pretrained)",
                      name));
    });
  }

  std::int32_t add_special(const std::string& content) {
    const auto found = ids_.find(content);
    if (found == ids_.end()) {
      throw InputError(fmt::format(
          "{}: the special token {} is not in it; without it no tokenizer can be made of this file",
          file_.string(), content));
    }
    add({found->second, content});
    return found->second;
  }

  void add(const text::SpecialToken& token) {
    const auto same = [&](const text::SpecialToken& other) { return other.id == token.id; };
    if (std::none_of(model_.special_tokens.begin(), model_.special_tokens.end(), same)) {
      model_.special_tokens.push_back(token);
    }
  }

  // {"30522": {"content": ..., "lstrip": ...}}
  void add_tokens(const JsonView& added) {
    for (const std::string& id : added.keys()) {
      const JsonView view = added[id];
      text::SpecialToken token;
      token.id =
          static_cast<std::int32_t>(JsonView(parse_json(id, view.where()), view.where()).as_int(0, 1 << 30));
      token.content = view["content"].as_string();
      token.special = view.get("special", false);
      token.single_word = view.get("single_word", false);
      token.lstrip = view.get("lstrip", false);
      token.rstrip = view.get("rstrip", false);
      token.normalized = view.get("normalized", !token.special);
      add(token);
    }
  }

  // What older versions of transformers saved beside vocab.txt: {"[ENTITY]": 30522}. Version 5 reads such a
  // token as normalized and not special, whatever else lists it.
  void add_tokens_of_file() {
    const fs::path path = file_.parent_path() / "added_tokens.json";
    if (!fs::exists(path)) return;
    const Json json = read_json(path);
    const JsonView tokens(json, path.string());
    for (const std::string& content : tokens.keys()) {
      text::SpecialToken token{static_cast<std::int32_t>(tokens[content].as_int(0, 1 << 30)), content};
      token.special = false;
      token.normalized = true;
      add(token);
    }
  }

  void add_more_specials(const JsonView& names) {
    if (!names.json().is_array()) return;  // an object names tokens that are listed elsewhere
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string content = TokenizerSettings::content(names.at(i));
      const auto same = [&](const text::SpecialToken& other) { return other.content == content; };
      if (std::none_of(model_.special_tokens.begin(), model_.special_tokens.end(), same))
        add_special(content);
    }
  }

  fs::path file_;
  TokenizerSettings settings_;
  std::map<std::string, std::int32_t> ids_;
  text::TokenizerModel model_;
};

}  // namespace

text::TokenizerModel bert_tokenizer_of_vocab(const fs::path& folder) {
  return VocabularyReader(folder).build();
}

}  // namespace espalier::io
