// Rows of tables of text, streamed in bounded memory with all their columns: TSV, CSV, JSON lines and plain
// text, each also packed (data.tsv.gz, data.tsv.zst).
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/data/bad_record.h"
#include "espalier/data/file_format.h"
#include "espalier/data/record_lines.h"
#include "espalier/io/json.h"

namespace espalier::data {

struct Row {
  std::uint64_t line = 0;           // where the row begins, from 1
  std::vector<std::string> fields;  // in the order of the columns; empty for kJsonl
  io::Json object;                  // kJsonl: the whole line
  bool repaired = false;            // kJsonl: bytes that are not UTF-8 were replaced by U+FFFD
};

struct TableOptions {
  // False: the first line is a row already, columns are named 1, 2, ... (kTsv and kCsv).
  bool header = true;
  // False: rows may have any number of fields, and the caller looks at it (kTsv).
  bool check_column_count = true;
  // Between fields, if not what the format has; whether quotes are text (kTsv) remains the format's. A kText
  // becomes a kTsv by it.
  std::optional<char> separator = std::nullopt;
  OnBadRecord on_bad_record = OnBadRecord::kStop;
  // Where a person may choose: the setting that leaves bad records out, for the message that stops.
  std::string skip_setting = {};
  bool fixed = false;                // nobody can say how the file is read: no message advises to
  std::filesystem::path shown = {};  // in messages, where it is another than the file's own
};

// A table without a row that can be read.
class NoRows : public InputError {
 public:
  using InputError::InputError;
};

// auto (nothing: what the format has), tab, comma, semicolon, pipe, or the character itself. InputError names
// `key`.
std::optional<char> parse_separator(const std::string& text, const std::string& key);

// Lines that are wholly empty are skipped where a row must have two columns or more, and in JSON lines. In
// CSV blanks between a separator and an opening quote, and behind the closing one, are no text. The columns
// of JSON lines are the keys of the first thousand objects; later ones may have others. Every error is an
// InputError that names file and line, what was expected and what was found.
class TableReader {
 public:
  TableReader(const std::filesystem::path& path, TableFormat format, const TableOptions& options = {});
  // The format by the extension.
  explicit TableReader(const std::filesystem::path& path) : TableReader(path, table_format(path)) {}

  TableFormat format() const { return format_; }
  const std::vector<std::string>& columns() const { return columns_; }
  // The index of a column. `key` is the setting it comes from, for the message, which says what may be the
  // cause: a near name, another separator, no header.
  std::size_t column(const std::string& name, const std::string& key) const;

  // The next row, into memory that is reused; false after the last. A bad one is left out if the options say
  // so. NoRows if that leaves none, as the constructor throws for an empty file.
  bool next(Row& row);

  // The text in a column: a JSON value must be a string.
  std::string text(const Row& row, std::size_t column) const;
  // The value of a column as text without surrounding blanks: a JSON value may also be a number or a bool;
  // whole numbers have no fraction (1.0 is 1). Never empty.
  std::string value(const Row& row, std::size_t column) const;

  const std::filesystem::path& path() const { return lines_.path(); }
  // Bytes of the file (packed, if it is) consumed so far: for progress.
  std::uint64_t file_position() const { return lines_.file_position(); }
  // BadRecord("PATH: line N: message"), as text() and value() throw.
  [[noreturn]] void fail(std::uint64_t line, const std::string& message) const;
  // To be called with what was thrown about a row: counts it as left out, or throws it on, as the options
  // say.
  void leave_out(const BadRecord& record);
  const BadRecords& left_out() const { return left_out_; }

 private:
  bool read_row(Row& row);
  bool read_fields(std::vector<std::string>& fields, std::uint64_t& line);
  void read_csv(std::string_view line, std::vector<std::string>& fields);
  bool read_object(Row& row);
  void read_header();
  void read_keys();
  bool next_object(Row& row);
  [[noreturn]] void fail_without_rows() const;
  const io::Json& member(const Row& row, std::size_t column) const;

  TableFormat format_;
  TableOptions options_;
  char separator_ = '\t';
  RecordLines lines_;
  std::vector<std::string> columns_;
  std::deque<Row> ahead_;             // rows read to learn the columns, not yet handed out
  std::optional<BadRecord> stopped_;  // met behind them
  bool any_row_ = false;
  std::string repaired_;         // a line
  std::uint64_t row_bytes_ = 0;  // of the JSON object read last
  BadRecords left_out_;
};

}  // namespace espalier::data
