#include "espalier/data/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "base/joined.h"
#include "data/column_hint.h"
#include "data/delimited.h"
#include "data/json_lines.h"
#include "espalier/base/error.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

// The keys of so many JSON objects are looked at before the first is handed out: what a table of predictions
// needs for its header, in bounded memory, and of a pipe too.
constexpr std::size_t kRowsAhead = 1000;
constexpr std::uint64_t kBytesAhead = std::uint64_t{16} << 20;

constexpr std::size_t kShownName = 40;  // bytes

const char kExpectedObject[] = "one JSON object a line";

// The column names for a message, not all of a table with hundreds.
std::string column_list(const std::vector<std::string>& columns) {
  return listed(columns, 20, ", ", [](const std::string& name) {
    return text::shortened(name, kShownName);  // a text where a name was expected
  });
}

// A number that is whole is written so, whether JSON says 1 or 1.0. Beyond 2^53 doubles are not exact.
std::string scalar_text(const io::Json& json) {
  if (json.is_number_float()) {
    const double value = json.get<double>();
    if (std::trunc(value) == value && std::abs(value) <= 9007199254740992.0) {
      return std::to_string(static_cast<std::int64_t>(value));
    }
  }
  return io::json_text(json, -1);
}

}  // namespace

std::optional<char> parse_separator(const std::string& text, const std::string& key) {
  if (text == "auto") return std::nullopt;
  if (text == "tab" || text == "\\t") return '\t';
  if (text == "comma") return ',';
  if (text == "semicolon") return ';';
  if (text == "pipe") return '|';
  if (text.size() == 1 && text::is_ascii(text[0]) && text != "\"" && text != "\n" && text != "\r")
    return text[0];
  throw InputError(fmt::format(
      "{}: expected auto, tab, comma, semicolon, pipe or one ASCII character that is no quote, got `{}`", key,
      text));
}

TableReader::TableReader(const std::filesystem::path& path, TableFormat format, const TableOptions& options)
    : format_(format), options_(options), lines_(path, {.shown = options.shown}) {
  if (format_ == TableFormat::kJsonl && (options_.separator || !options_.header)) {
    throw InputError(
        fmt::format("{}: JSON lines have keys, no separator and no header; leave these settings out",
                    lines_.path().string()));
  }
  if (format_ == TableFormat::kText && options_.separator) format_ = TableFormat::kTsv;
  separator_ = options_.separator.value_or(format_ == TableFormat::kCsv ? ',' : '\t');
  read_header();
}

void TableReader::read_header() {
  if (format_ == TableFormat::kText) {
    columns_ = {"text"};
    return;
  }
  if (format_ == TableFormat::kJsonl) {
    read_keys();
    return;
  }
  Row first;
  if (!read_fields(first.fields, first.line)) {
    throw NoRows(fmt::format("{}: the file is empty; expected {}", path().string(),
                             options_.header ? "a first line with the names of the columns" : "rows"));
  }
  if (options_.header) {
    for (const std::string& name : first.fields) columns_.emplace_back(trimmed(name));
    return;
  }
  for (std::size_t i = 1; i <= first.fields.size(); ++i) columns_.push_back(std::to_string(i));
  ahead_.push_back(std::move(first));
}

void TableReader::read_keys() {
  std::unordered_set<std::string> known;
  std::uint64_t bytes = 0;
  Row row;
  try {
    while (ahead_.size() < kRowsAhead && bytes < kBytesAhead && next_object(row)) {
      bytes += row_bytes_;
      for (const auto& item : row.object.items()) {
        if (known.insert(item.key()).second) columns_.push_back(item.key());
      }
      ahead_.push_back(std::move(row));
    }
  } catch (const BadRecord& record) {
    // The rows before it are handed out first.
    if (ahead_.empty()) throw;
    stopped_ = record;
  }
  if (ahead_.empty() && left_out_.count() == 0) {
    throw NoRows(fmt::format("{}: the file is empty; expected {}", path().string(), kExpectedObject));
  }
}

// The next object that can be read.
bool TableReader::next_object(Row& row) {
  while (true) {
    try {
      return read_object(row);
    } catch (const BadRecord& record) {
      leave_out(record);
    }
  }
}

std::size_t TableReader::column(const std::string& name, const std::string& key) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) {
    throw InputError(fmt::format("{}: no column `{}` ({}); the columns are: {}{}", path().string(), name, key,
                                 column_list(columns_),
                                 missing_column_hint(name, key, columns_, format_, options_)));
  }
  if (std::find(found + 1, columns_.end(), name) != columns_.end()) {
    throw InputError(fmt::format("{}: two columns are named `{}` ({}); give each its own name",
                                 path().string(), name, key));
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

bool TableReader::next(Row& row) {
  while (true) {
    try {
      if (!read_row(row)) break;
      any_row_ = true;
      return true;
    } catch (const BadRecord& record) {
      leave_out(record);
    }
  }
  if (!any_row_) fail_without_rows();
  return false;
}

bool TableReader::read_row(Row& row) {
  if (!ahead_.empty()) {
    row = std::move(ahead_.front());
    ahead_.pop_front();
    return true;
  }
  if (stopped_) throw BadRecord(*stopped_);
  if (format_ == TableFormat::kJsonl) return read_object(row);
  if (!read_fields(row.fields, row.line)) return false;
  if (options_.check_column_count && row.fields.size() != columns_.size()) {
    fail(row.line, fmt::format("expected {} column{} ({}), found {}{}", columns_.size(),
                               columns_.size() == 1 ? "" : "s", column_list(columns_), row.fields.size(),
                               format_ == TableFormat::kTsv ? quoted_field_hint(row.fields, options_) : ""));
  }
  return true;
}

void TableReader::leave_out(const BadRecord& record) {
  if (options_.on_bad_record == OnBadRecord::kStop) throw with_way_out(record, options_.skip_setting);
  left_out_.add(record);
}

void TableReader::fail_without_rows() const {
  if (left_out_.count() > 0) {
    throw NoRows(fmt::format("{}: no row can be used: {}", path().string(), left_out_.text()));
  }
  const bool named = options_.header && format_ != TableFormat::kText;
  throw NoRows(fmt::format("{}: {}", path().string(),
                           named ? "the file has a header but no rows" : "the file is empty; expected rows"));
}

bool TableReader::read_fields(std::vector<std::string>& fields, std::uint64_t& line) {
  while (const auto text = lines_.next()) {
    line = lines_.line_number();
    // Before the columns are known (columns_ empty) and with several of them, an empty line is no row.
    if (text->empty() && columns_.size() != 1) continue;
    if (format_ == TableFormat::kTsv) {
      split_plain(*text, separator_, fields);
    } else if (format_ == TableFormat::kCsv) {
      read_csv(*text, fields);
    } else {
      fields.assign(1, std::string(*text));
    }
    return true;
  }
  return false;
}

// A stray quote opens a field that takes in good lines, up to the next quote or the end: they are read again.
void TableReader::read_csv(std::string_view line, std::vector<std::string>& fields) {
  lines_.keep();
  try {
    split_csv(line, separator_, lines_, fields);
    lines_.forget();
  } catch (const BadRecord& record) {
    const std::size_t again = lines_.give_again();
    if (again == 0 || options_.on_bad_record == OnBadRecord::kStop) throw;
    throw BadRecord(record.path(), record.line(),
                    fmt::format("{}; what it took in, {} line{}, counts as records of its own",
                                record.reason(), again, again == 1 ? "" : "s"));
  }
}

bool TableReader::read_object(Row& row) {
  while (const auto text = lines_.next()) {
    if (trimmed(*text).empty()) continue;
    row.line = lines_.line_number();
    row_bytes_ = text->size();
    row.repaired = !text::is_utf8(*text);
    row.object = parse_json_line(text::repair_utf8(*text, repaired_), path(), row.line, kExpectedObject);
    // As labels such integers would fall together, as columns they would be written out altered.
    const std::string_view big = integer_beyond_64_bits(*text);
    if (!big.empty())
      fail(row.line, fmt::format("{} is an integer beyond 64 bits: write it as a string", big));
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
    raw = json.is_string() ? json.get<std::string>() : scalar_text(json);
  } else {
    raw = row.fields.at(column);
  }
  const std::string_view result = trimmed(raw);
  if (result.empty()) fail(row.line, fmt::format("the column `{}` is empty", columns_[column]));
  return std::string(result);
}

void TableReader::fail(std::uint64_t line, const std::string& message) const {
  throw BadRecord(path(), line, message);
}

}  // namespace espalier::data
