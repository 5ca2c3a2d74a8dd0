#include "espalier/data/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/delimited.h"
#include "data/joined.h"
#include "data/json_lines.h"
#include "espalier/base/error.h"

namespace espalier::data {
namespace {

const char kExpectedObject[] = "one JSON object a line";

// The column names for a message, not all of a table with hundreds.
std::string listed(const std::vector<std::string>& columns) {
  constexpr std::size_t kMost = 20;
  if (columns.size() <= kMost) return joined(columns);
  const std::vector<std::string> first(columns.begin(), columns.begin() + kMost);
  return fmt::format("{} and {} more", joined(first), columns.size() - kMost);
}

}  // namespace

TableFormat table_format(const std::filesystem::path& path) {
  std::filesystem::path name = path.filename();
  if (name.extension() == ".gz") name = name.stem();
  std::string extension = name.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  if (extension == ".tsv") return TableFormat::kTsv;
  if (extension == ".csv") return TableFormat::kCsv;
  if (extension == ".jsonl" || extension == ".ndjson") return TableFormat::kJsonl;
  if (extension == ".txt") return TableFormat::kText;
  throw InputError(
      fmt::format("{}: the extension says what a file holds: expected .tsv, .csv, .jsonl or .txt (with .gz "
                  "behind it if packed), found `{}`",
                  path.string(), extension));
}

TableReader::TableReader(const std::filesystem::path& path, TableFormat format, const TableOptions& options)
    : format_(format), options_(options), lines_(path) {
  read_header();
}

void TableReader::read_header() {
  if (format_ == TableFormat::kText) {
    columns_ = {"text"};
    return;
  }
  Row first;
  if (format_ == TableFormat::kJsonl) {
    if (!read_object(first)) {
      throw InputError(fmt::format("{}: the file is empty; expected {}", path().string(), kExpectedObject));
    }
    for (const auto& item : first.object.items()) columns_.push_back(item.key());
    ahead_.push_back(std::move(first));
    return;
  }
  if (!read_fields(first.fields, first.line)) {
    throw InputError(fmt::format("{}: the file is empty; expected {}", path().string(),
                                 options_.header ? "a first line with the names of the columns" : "rows"));
  }
  if (options_.header) {
    for (const std::string& name : first.fields) columns_.emplace_back(trimmed(name));
    return;
  }
  for (std::size_t i = 1; i <= first.fields.size(); ++i) columns_.push_back(std::to_string(i));
  ahead_.push_back(std::move(first));
}

std::size_t TableReader::column(const std::string& name, const std::string& key) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) {
    throw InputError(fmt::format("{}: no column `{}` ({}); the columns are: {}", path().string(), name, key,
                                 listed(columns_)));
  }
  if (std::find(found + 1, columns_.end(), name) != columns_.end()) {
    throw InputError(fmt::format("{}: two columns are named `{}` ({}); give each its own name",
                                 path().string(), name, key));
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

bool TableReader::next(Row& row) {
  if (!ahead_.empty()) {
    row = std::move(ahead_.front());
    ahead_.pop_front();
    return true;
  }
  if (format_ == TableFormat::kJsonl) return read_object(row);
  if (!read_fields(row.fields, row.line)) return false;
  if (options_.check_column_count && row.fields.size() != columns_.size()) {
    fail(row.line, fmt::format("expected {} column{} ({}), found {}", columns_.size(),
                               columns_.size() == 1 ? "" : "s", listed(columns_), row.fields.size()));
  }
  return true;
}

bool TableReader::read_fields(std::vector<std::string>& fields, std::uint64_t& line) {
  while (const auto text = lines_.next()) {
    line = lines_.line_number();
    // Before the columns are known (columns_ empty) and with several of them, an empty line is no row.
    if (text->empty() && columns_.size() != 1) continue;
    if (format_ == TableFormat::kTsv) {
      split_tabs(*text, fields);
    } else if (format_ == TableFormat::kCsv) {
      split_csv(*text, lines_, fields);
    } else {
      fields.assign(1, std::string(*text));
    }
    return true;
  }
  return false;
}

bool TableReader::read_object(Row& row) {
  while (const auto text = lines_.next()) {
    if (trimmed(*text).empty()) continue;
    row.line = lines_.line_number();
    row.object = parse_json_line(*text, path(), row.line, kExpectedObject);
    return true;
  }
  return false;
}

std::string TableReader::text(const Row& row, std::size_t column) const {
  if (format_ == TableFormat::kJsonl) return json_line_text(row.object, columns_[column], path(), row.line);
  return row.fields.at(column);
}

const io::Json& TableReader::member(const Row& row, std::size_t column) const {
  const auto found = row.object.find(columns_[column]);
  if (found == row.object.end() || found->is_null() || found->is_structured()) {
    fail(row.line, fmt::format("`{}` must be a string or a number, found {}", columns_[column],
                               describe_json(found == row.object.end() ? nullptr : &*found)));
  }
  return *found;
}

std::string TableReader::value(const Row& row, std::size_t column) const {
  std::string raw;
  if (format_ == TableFormat::kJsonl) {
    const io::Json& json = member(row, column);
    raw = json.is_string() ? json.get<std::string>() : io::json_text(json, -1);
  } else {
    raw = row.fields.at(column);
  }
  const std::string_view result = trimmed(raw);
  if (result.empty()) fail(row.line, fmt::format("the column `{}` is empty", columns_[column]));
  return std::string(result);
}

void TableReader::fail(std::uint64_t line, const std::string& message) const {
  throw InputError(fmt::format("{}: line {}: {}", path().string(), line, message));
}

}  // namespace espalier::data
