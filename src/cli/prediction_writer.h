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
// extension, two columns of one name, or (TSV) a field that holds a tab or a line end, or (TSV and CSV) a
// JSON object with a key that is none of the columns.
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
  void require_known_keys(const data::Row& row) const;
  void flush();

  data::TableFormat format_;
  std::vector<std::string> columns_;
  std::vector<std::string> added_;
  io::AtomicFile file_;
  std::string buffer_;
};

}  // namespace espalier::cli
