// A table with the columns of the input and the predictions behind them, streamed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "espalier/data/table_reader.h"
#include "io/file_ops.h"

namespace espalier::cli {

// Writes .tsv, .csv or .jsonl by the extension; the file appears when commit() is called. InputError: another
// extension, a column of the input that is named like one of the new ones, or (TSV) a field that holds a tab
// or a line end.
class PredictionWriter {
 public:
  // `columns` are those of the input, `added` the new ones.
  PredictionWriter(const std::filesystem::path& path, const std::vector<std::string>& columns,
                   const std::vector<std::string>& added);

  // One row of the input (its fields, or its JSON object) with a value for each new column: a string or a
  // number.
  void write(const data::Row& row, const std::vector<io::Json>& values);
  void commit();

 private:
  void write_object(const data::Row& row, const std::vector<io::Json>& values);
  std::string field(const std::string& text, std::uint64_t line) const;
  void write_line(const std::vector<std::string>& fields, std::uint64_t line);
  void flush();

  data::TableFormat format_;
  std::vector<std::string> columns_;
  std::vector<std::string> added_;
  io::AtomicFile file_;
  std::string buffer_;
};

}  // namespace espalier::cli
