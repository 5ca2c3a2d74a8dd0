#include "data/column_hint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/nearest.h"
#include "data/delimited.h"
#include "espalier/data/labels.h"

namespace espalier::data {
namespace {

// How the setting is written where `key` was: beside task.text as task.separator=, beside text.field as
// text.separator=.
std::string setting(const std::string& key, const char* in_configuration, const char* option) {
  if (key.starts_with("--")) return option;
  return std::string(key.starts_with("text.") ? "text." : "task.") + in_configuration;
}

std::string by_number(const std::string& key) {
  return key + (key.starts_with("--") ? " " : "=") + "1";
}

// Letters and digits alone, in lower case: question_2 is nearer to Question2 than question1 is.
std::string bare(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      result += static_cast<char>(c + ('a' - 'A'));
    } else if (c != '_' && c != '-' && c != ' ' && c != '.') {
      result += c;
    }
  }
  return result;
}

std::string near_name(const std::string& name, const std::vector<std::string>& columns) {
  const std::size_t most = std::max<std::size_t>(1, name.size() / 3);
  std::pair<std::size_t, const std::string*> best = {most + 1, nullptr};
  for (const std::string& column : columns) {
    const std::size_t distance = bare(name) == bare(column) ? 0 : config::edit_distance(name, column);
    if (distance < best.first) best = {distance, &column};
  }
  return best.second == nullptr ? "" : fmt::format("; did you mean `{}`?", *best.second);
}

// The separator at which a single column's name falls into several, `name` among them.
std::string other_separator(const std::string& name, const std::string& key, const std::string& header) {
  constexpr std::array<std::pair<char, const char*>, 4> kSeparators = {
      {{'\t', "tab"}, {';', "semicolon"}, {',', "comma"}, {'|', "pipe"}}};
  for (const auto& [separator, word] : kSeparators) {
    std::vector<std::string> fields;
    split_plain(header, separator, fields);
    const bool found = std::any_of(fields.begin(), fields.end(), [&](const std::string& field) {
      const std::string_view plain = trimmed(field);
      return plain == name || plain == '"' + name + '"';
    });
    if (!found || fields.size() < 2) continue;
    return fmt::format("; the file looks separated by {}s: {}{}", word,
                       setting(key, "separator=", "--separator "), word);
  }
  return "";
}

// How a table between tabs is read whose fields are quoted as in CSV.
std::string as_quoted(const std::string& key, const TableOptions& options) {
  return fmt::format("; fields in quotes are read by {}{}", setting(key, "format=csv", "--format csv"),
                     options.separator ? "" : " " + setting(key, "separator=tab", "--separator tab"));
}

// Sentences, numbers and nothing are no names.
bool looks_like_a_row(const std::vector<std::string>& columns) {
  return std::any_of(columns.begin(), columns.end(), [](const std::string& column) {
    double value = 0;
    return column.empty() || parse_number(column, value) ||
           std::count(column.begin(), column.end(), ' ') >= 3;
  });
}

}  // namespace

std::string missing_column_hint(const std::string& name, const std::string& said,
                                const std::vector<std::string>& columns, TableFormat format,
                                const TableOptions& options) {
  const std::string key = said.substr(0, said.find(';'));
  if (options.fixed) return "; is it the file of another task?";
  if (format == TableFormat::kJsonl) return near_name(name, columns);
  if (format == TableFormat::kText) {
    return fmt::format("; a .txt is one text a line: {} reads it as a table",
                       setting(key, "separator=tab", "--separator tab"));
  }
  if (!options.header) return fmt::format("; without a header columns go by number: {}", by_number(key));
  const bool quoted = std::find(columns.begin(), columns.end(), '"' + name + '"') != columns.end();
  if (quoted && format == TableFormat::kTsv && columns.size() > 1) return as_quoted(key, options);
  std::string hint = near_name(name, columns);
  if (hint.empty() && columns.size() == 1) hint = other_separator(name, key, columns[0]);
  if (hint.empty() && looks_like_a_row(columns)) {
    hint = fmt::format(
        "; the first line looks like a row: for a file without header {}, and columns by number ({})",
        setting(key, "header=false", "--no-header"), by_number(key));
  }
  return hint;
}

std::string quoted_field_hint(const std::vector<std::string>& fields, const TableOptions& options) {
  const bool opened = std::any_of(fields.begin(), fields.end(),
                                  [](const std::string& field) { return field.starts_with('"'); });
  return opened && !options.fixed && !options.skip_setting.empty() ? as_quoted(options.skip_setting, options)
                                                                   : "";
}

}  // namespace espalier::data
