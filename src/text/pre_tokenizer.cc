#include "text/pre_tokenizer.h"

#include "espalier/base/error.h"
#include "text/unicode.h"

namespace espalier::text {

namespace {

WordRole whitespace_role(char32_t code) {
  if (is_word_character(code)) return WordRole::kFirstKind;
  return is_white_space(code) ? WordRole::kSeparator : WordRole::kSecondKind;
}

WordRole split_role(char32_t code) {
  return is_white_space(code) ? WordRole::kSeparator : WordRole::kFirstKind;
}

WordRole bert_role(char32_t code) {
  if (is_white_space(code)) return WordRole::kSeparator;
  return is_bert_punctuation(code) ? WordRole::kAlone : WordRole::kFirstKind;
}

WordRole (*role_of(PreTokenizerStep step))(char32_t) {
  switch (step) {
    case PreTokenizerStep::kWhitespace:
      return whitespace_role;
    case PreTokenizerStep::kWhitespaceSplit:
      return split_role;
    case PreTokenizerStep::kBert:
      return bert_role;
  }
  ESPALIER_CHECK(false);
  return nullptr;
}

}  // namespace

PreTokenizer::PreTokenizer(const PreTokenizerSpec& spec) {
  for (const PreTokenizerStep step : spec.steps) {
    Cut result{};
    result.role = role_of(step);
    for (char32_t code = 0; code < 0x80; ++code) result.ascii[code] = result.role(code);
    cuts_.push_back(result);
  }
}

void PreTokenizer::cut_from(std::size_t index, std::string_view text,
                            FunctionRef<void(std::string_view)> use) const {
  if (index == cuts_.size()) {
    use(text);
    return;
  }
  const auto deeper = [&](std::string_view word) { cut_from(index + 1, word, use); };
  cut(cuts_[index], text, deeper);
}

}  // namespace espalier::text
