#include "data/class_doubts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "base/joined.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

constexpr std::size_t kListedClasses = 20;

// Joiners and the byte-order mark have no width, though they are no white space.
bool is_invisible(char32_t code) {
  return text::is_white_space(code) || text::is_control(code);
}

// Without blanks, in lower case.
std::string folded(const std::string& name) {
  std::string result;
  for (std::size_t at = 0; at < name.size();) {
    const char32_t code = text::next_code_point(name, at);
    if (!is_invisible(code)) text::append_lowercase(code, result);
  }
  return result;
}

std::string quoted(const std::vector<std::string>& names) {
  return listed(names, kListedClasses, ", ",
                [](const std::string& name) { return "`" + visible_name(name) + "`"; });
}

bool are_fractions(const std::vector<std::string>& names) {
  bool fraction = false;
  for (const std::string& name : names) {
    double value = 0;
    if (!parse_number(name, value)) return false;
    fraction = fraction || std::trunc(value) != value;
  }
  return fraction;
}

std::string doubt_of_ids(const LabelledData& train) {
  const auto rows = train.rows.size();
  const auto classes = static_cast<std::size_t>(train.labels.size());
  if (classes <= 10 || classes * 2 < rows || are_fractions(train.labels.names())) return "";
  return fmt::format("{} classes in {} rows: is this an id column, or a text? (task.label)", classes, rows);
}

std::string doubt_of_scores(const std::vector<std::string>& names) {
  constexpr std::size_t kManyNumbers = 20;
  const bool numbers = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    double value = 0;
    return parse_number(name, value);
  });
  if (!numbers || names.size() < 3 || (!are_fractions(names) && names.size() <= kManyNumbers)) return "";
  return fmt::format(
      "the {} classes are numbers that look like scores: task.regression=true predicts the number",
      names.size());
}

std::string doubt_of_quotes(const std::vector<std::string>& names) {
  const bool quotes = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name.size() > 1 && name.starts_with('"') && name.ends_with('"');
  });
  if (!quotes) return "";
  return "the names of all classes are in quotes, which are text in a .tsv: task.format=csv "
         "task.separator=tab reads a table whose fields are quoted";
}

std::string doubt_of_spelling(const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::string>> groups;
  for (const std::string& name : names) groups[folded(name)].push_back(name);
  std::vector<std::string> alike;
  for (const auto& [key, group] : groups) {
    if (group.size() > 1 && alike.size() < kListedClasses) alike.push_back(quoted(group));
  }
  if (alike.empty()) return "";
  return fmt::format("classes whose names differ by case or blanks only: {}", joined(alike, "; "));
}

std::string doubt_of_missing(const std::vector<std::string>& names) {
  constexpr std::array<std::string_view, 11> kMissing = {"-",   "--",   "?",    ".",    "na",  "n/a",
                                                         "nan", "null", "none", "#n/a", "<na>"};
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (std::find(kMissing.begin(), kMissing.end(), folded(name)) != kMissing.end()) found.push_back(name);
  }
  if (found.empty()) return "";
  return fmt::format("{} stand{} for a missing label in many files, and {} trained as a class here",
                     quoted(found), found.size() == 1 ? "s" : "", found.size() == 1 ? "is" : "are");
}

std::string doubt_of_few(const LabelledData& train) {
  constexpr std::int64_t kFew = 5;
  const std::vector<std::int64_t> counts = class_counts(train);
  const auto mean = static_cast<std::int64_t>(train.rows.size() / counts.size());
  std::vector<std::string> few;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < kFew && counts[i] * 10 < mean) few.push_back(train.labels.names()[i]);
  }
  if (few.empty()) return "";
  return fmt::format("{} {} fewer than {} rows", quoted(few), few.size() == 1 ? "has" : "have", kFew);
}

}  // namespace

std::string visible_name(const std::string& name) {
  std::string result;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t begin = at;
    const char32_t code = text::next_code_point(name, at);
    if (code != U' ' && is_invisible(code)) {
      result += fmt::format("<U+{:04X}>", static_cast<std::uint32_t>(code));
    } else {
      result += name.substr(begin, at - begin);
    }
  }
  return result;
}

std::vector<std::string> class_doubts(const LabelledData& train) {
  std::vector<std::string> doubts;
  if (train.regression || train.labels.size() == 0 || train.rows.empty()) return doubts;
  const std::vector<std::string>& names = train.labels.names();
  const std::string ids = doubt_of_ids(train);
  for (const std::string& doubt : {ids, ids.empty() ? doubt_of_scores(names) : std::string(),
                                   doubt_of_quotes(names), doubt_of_spelling(names), doubt_of_missing(names),
                                   ids.empty() ? doubt_of_few(train) : std::string()}) {
    if (!doubt.empty()) doubts.push_back(fmt::format("{}: {}", train.source.string(), doubt));
  }
  return doubts;
}

std::string class_summary(const LabelledData& data) {
  const std::vector<std::int64_t> counts = class_counts(data);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < counts.size(); ++i)
    parts.push_back(fmt::format("{} {}", visible_name(data.labels.names()[i]), counts[i]));
  return fmt::format("{} classes: {}", counts.size(), listed(parts, kListedClasses));
}

}  // namespace espalier::data
