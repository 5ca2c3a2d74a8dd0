// Rows of tables of text, streamed in bounded memory with all their columns: TSV, CSV, JSON lines and plain
// text, each also gzip-compressed (data.tsv.gz).
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "espalier/io/json.h"
#include "espalier/io/line_reader.h"

namespace espalier::data {

enum class TableFormat {
  kTsv,    // fields between tabs, quotes are text (the style of GLUE), first line names the columns
  kCsv,    // RFC 4180: commas, "quoted ""fields""" that may hold line ends, first line names the columns
  kJsonl,  // one object a line; the keys of the first object are the columns
  kText,   // one text a line, the only column is `text`
};

// By the extension .tsv, .csv, .jsonl (or .ndjson), .txt, also before .gz. InputError for any other.
TableFormat table_format(const std::filesystem::path& path);

struct Row {
  std::uint64_t line = 0;           // where the row begins, from 1
  std::vector<std::string> fields;  // in the order of the columns; empty for kJsonl
  io::Json object;                  // kJsonl: the whole line
};

struct TableOptions {
  // False: the first line is a row already, columns are named 1, 2, ... (kTsv and kCsv).
  bool header = true;
  // False: rows may have any number of fields, and the caller looks at it (kTsv).
  bool check_column_count = true;
};

// Lines that are wholly empty are skipped where a row must have two columns or more, and in JSON lines.
// Every error is an InputError that names file and line, what was expected and what was found.
class TableReader {
 public:
  TableReader(const std::filesystem::path& path, TableFormat format, const TableOptions& options = {});
  // The format by the extension.
  explicit TableReader(const std::filesystem::path& path) : TableReader(path, table_format(path)) {}

  TableFormat format() const { return format_; }
  const std::vector<std::string>& columns() const { return columns_; }
  // The index of a column. `key` is the setting it comes from, for the message.
  std::size_t column(const std::string& name, const std::string& key) const;

  // The next row, into memory that is reused; false after the last.
  bool next(Row& row);

  // The text in a column: a JSON value must be a string.
  std::string text(const Row& row, std::size_t column) const;
  // The value of a column as text without surrounding blanks: a JSON value may also be a number or a bool.
  // Never empty.
  std::string value(const Row& row, std::size_t column) const;

  const std::filesystem::path& path() const { return lines_.path(); }
  // InputError("PATH: line N: message").
  [[noreturn]] void fail(std::uint64_t line, const std::string& message) const;

 private:
  bool read_fields(std::vector<std::string>& fields, std::uint64_t& line);
  bool read_object(Row& row);
  void read_header();
  const io::Json& member(const Row& row, std::size_t column) const;

  TableFormat format_;
  TableOptions options_;
  io::LineReader lines_;
  std::vector<std::string> columns_;
  std::deque<Row> ahead_;  // rows read to learn the columns, not yet handed out
};

}  // namespace espalier::data
