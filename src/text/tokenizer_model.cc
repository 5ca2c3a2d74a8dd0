#include "espalier/text/tokenizer_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"

namespace espalier::text {

const std::vector<std::string>& crammed_bert_special_tokens() {
  static const std::vector<std::string> tokens = {"<pad>", "<s>",   "</s>",  "<unk>",
                                                  "<cls>", "<sep>", "<mask>"};
  return tokens;
}

NormalizerSpec crammed_bert_normalizer() {
  return {{ReplaceString{"``", "\""}, ReplaceString{"''", "\""}, UnicodeForm::kNfd, Lowercase{},
           StripAccents{}, ReplaceRegex{" {2,}", " "}, ReplaceRegex{R"([^\x00-\x7F]+)", ""}}};
}

NormalizerSpec bert_normalizer(bool lowercase) {
  BertNormalizer step;
  step.lowercase = lowercase;
  return {{step}};
}

PreTokenizerSpec bert_pre_tokenizer() {
  return {{PreTokenizerStep::kBert}};
}

TokenizerModel crammed_bert_tokenizer(std::vector<std::string> vocabulary) {
  TokenizerModel model;
  model.normalizer = crammed_bert_normalizer();
  model.pre_tokenizer = {{PreTokenizerStep::kWhitespace}};
  const auto special_id = [&](const std::string& token) {
    const auto found = std::find(vocabulary.begin(), vocabulary.end(), token);
    if (found == vocabulary.end()) {
      throw InputError(fmt::format("tokenizer: the special token {} is not in the vocabulary", token));
    }
    return static_cast<std::int32_t>(found - vocabulary.begin());
  };
  for (const std::string& token : crammed_bert_special_tokens()) {
    SpecialToken special;
    special.id = special_id(token);
    special.content = token;
    model.special_tokens.push_back(std::move(special));
  }
  using Kind = TemplatePiece::Kind;
  const TemplatePiece a{Kind::kSequenceA, "", {}, 0};
  const TemplatePiece b{Kind::kSequenceB, "", {}, 0};
  const TemplatePiece cls{Kind::kTokens, "<cls>", {special_id("<cls>")}, 0};
  const TemplatePiece sep{Kind::kTokens, "<sep>", {special_id("<sep>")}, 0};
  model.single = {{a, sep}};
  model.pair = {{cls, a, sep, b, sep}};
  model.decoder = WordPieceDecoder{};
  model.vocabulary = std::move(vocabulary);
  return model;
}

}  // namespace espalier::text
