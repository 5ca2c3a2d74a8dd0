// The texts of a command line: given as arguments, or streamed from a table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "espalier/data/table_reader.h"
#include "espalier/train/model.h"

namespace espalier::cli {

struct TextRow {
  std::string text;
  std::string pair;
  data::Row row;  // of the file; empty for an argument
};

struct TextSourceOptions {
  std::vector<std::string> texts;
  std::string pair;  // the second part of a single text
  std::string file;  // instead of texts
  std::string text_column;
  std::string pair_column;
};

class TextSource {
 public:
  // Columns that are not named are those in the configuration that `model` was fine-tuned with (task.text,
  // task.text_pair) where the file has them, else `sentence` or `text`. InputError: neither texts nor a file,
  // no such column.
  TextSource(const TextSourceOptions& options, const train::LoadedModel& model);

  // Up to `most` further rows; empty after the last. Throws Interrupted on Ctrl-C.
  std::vector<TextRow> next(std::size_t most);
  // Null for arguments.
  const data::TableReader* table() const { return table_ ? &*table_ : nullptr; }

 private:
  void choose_columns(const TextSourceOptions& options, const train::LoadedModel& model);
  bool has_column(const std::string& name) const;

  std::vector<std::string> texts_;
  std::string pair_;
  std::size_t next_text_ = 0;
  std::optional<data::TableReader> table_;
  std::size_t text_column_ = 0;
  std::optional<std::size_t> pair_column_;
};

}  // namespace espalier::cli
