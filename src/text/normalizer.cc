#include "text/normalizer.h"

#include <utility>

#include "espalier/base/error.h"
#include "text/char_pattern.h"
#include "text/unicode.h"
#include "text/unicode_form.h"
#include "text/utf8.h"

namespace espalier::text {

namespace {

bool replace_string(const ReplaceString& step, std::string_view text, std::string& out) {
  std::size_t found = text.find(step.pattern);
  if (found == std::string_view::npos) return false;
  out.clear();
  std::size_t begin = 0;
  for (; found != std::string_view::npos; found = text.find(step.pattern, begin)) {
    out.append(text.substr(begin, found - begin)).append(step.content);
    begin = found + step.pattern.size();
  }
  out.append(text.substr(begin));
  return true;
}

// Copies `text`, calling change(code, out) for the code points outside ASCII. False if all is ASCII.
template <class Change>
bool change_non_ascii(std::string_view text, std::string& out, Change change) {
  std::size_t run = find_non_ascii(text);
  if (run == text.size()) return false;
  out.clear();
  for (std::size_t begin = 0; begin < text.size(); run = find_non_ascii(text, begin)) {
    out.append(text.substr(begin, run - begin));
    begin = run;
    while (begin < text.size() && !is_ascii(text[begin])) change(next_code_point(text, begin), out);
  }
  return true;
}

bool lowercase(std::string_view text, std::string& out) {
  const bool ascii = !change_non_ascii(text, out, append_lowercase);
  if (ascii) out = text;
  for (char& c : out) c = static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0));
  return true;
}

bool strip_accents(std::string_view text, std::string& out) {
  return change_non_ascii(text, out, [](char32_t code, std::string& result) {
    if (!is_combining_mark(code)) append_utf8(code, result);
  });
}

bool clean_text(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) {
    const char32_t code = next_code_point(text, i);
    if (code == '\t' || code == '\n' || code == '\r') {
      out.push_back(' ');
    } else if (code >= 0x20 && code < 0x7F) {
      out.push_back(static_cast<char>(code));
    } else if (code != 0xFFFD && !is_control(code)) {
      append_utf8(is_white_space(code) ? U' ' : code, out);
    }
  }
  return true;
}

bool separate_ideographs(std::string_view text, std::string& out) {
  return change_non_ascii(text, out, [](char32_t code, std::string& result) {
    const bool separate = is_cjk_ideograph(code);
    if (separate) result.push_back(' ');
    append_utf8(code, result);
    if (separate) result.push_back(' ');
  });
}

bool strip_nonspacing_marks(std::string_view text, std::string& out) {
  return change_non_ascii(text, out, [](char32_t code, std::string& result) {
    if (!is_nonspacing_mark(code)) append_utf8(code, result);
  });
}

}  // namespace

Normalizer::Normalizer(const NormalizerSpec& spec) {
  struct Compile {
    std::vector<Step>& steps;
    void operator()(const ReplaceString& step) {
      if (step.pattern.empty()) throw InputError("Replace: the pattern is empty");
      steps.emplace_back(
          [step](std::string_view text, std::string& out) { return replace_string(step, text, out); });
    }
    void operator()(const ReplaceRegex& step) {
      steps.emplace_back(
          [pattern = CharPattern(step.pattern), content = step.content](
              std::string_view text, std::string& out) { return pattern.replace(text, content, out); });
    }
    void operator()(UnicodeForm form) {
      steps.emplace_back(
          [form](std::string_view text, std::string& out) { return apply_unicode_form(form, text, out); });
    }
    void operator()(const Lowercase& /*step*/) { steps.emplace_back(lowercase); }
    void operator()(const StripAccents& /*step*/) { steps.emplace_back(strip_accents); }
    void operator()(const BertNormalizer& step) {
      if (step.clean_text) steps.emplace_back(clean_text);
      if (step.handle_chinese_characters) steps.emplace_back(separate_ideographs);
      if (step.strip_accents.value_or(step.lowercase)) {
        (*this)(UnicodeForm::kNfd);
        steps.emplace_back(strip_nonspacing_marks);
      }
      if (step.lowercase) steps.emplace_back(lowercase);
    }
  };
  for (const NormalizerStep& step : spec.steps) std::visit(Compile{steps_}, step);
}

std::string_view Normalizer::operator()(std::string_view text, Buffers& buffers) const {
  for (const Step& step : steps_) {
    if (!step(text, buffers.back)) continue;
    std::swap(buffers.front, buffers.back);
    text = buffers.front;
  }
  return text;
}

}  // namespace espalier::text
