// The texts of a command line: given as arguments, or streamed from a table.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "cli/utf8_watch.h"
#include "espalier/data/table_reader.h"
#include "espalier/model/loaded_model.h"
#include "espalier/text/unread_texts.h"
#include "train/task_columns.h"

namespace espalier::cli {

struct TextRow {
  std::string text;
  std::string pair;
  data::Row row;           // of the file; empty for an argument
  std::string label = {};  // where the options name a column of it
};

struct TextSourceOptions {
  std::vector<std::string> texts;
  std::optional<std::string> pair;  // the second part of a single text
  std::string file;                 // instead of texts
  std::string text_column;
  std::string pair_column = {};
  std::string label_column = {};
  bool label_is_number = false;
  data::TableOptions table = {};
  data::TableFormat format = data::TableFormat::kText;  // of the file
  bool takes_pairs = false;                             // the verb reads second parts
};

class TextSource {
 public:
  // Columns that are not named are those that `model` was fine-tuned on; where that is not known `sentence`
  // or `text`. InputError: neither texts nor a file, no such column, single texts for a model of
  // pairs.
  TextSource(const TextSourceOptions& options, const model::LoadedModel& model);
  // Whether its rows have second parts.
  bool pairs() const { return pair_ || pair_column_; }

  // Gives up to `most` further rows; false after the last. A row that stops the reading does so when those
  // before it were handed out. Throws Interrupted on Ctrl-C.
  bool next(std::size_t most, std::vector<TextRow>& rows);
  // Of a row that next() gave, whose text the verb cannot use: stops with an InputError that names the line,
  // or leaves the row out, as the options say.
  void leave_out(const TextRow& row, const std::string& reason);
  // After the last row: warns of rows left out, of empty texts, of bytes that are not UTF-8 and of texts that
  // the tokenizer cannot read. InputError: every row of the file is empty.
  void report() const;
  // Null for arguments.
  const data::TableReader* table() const { return table_ ? &*table_ : nullptr; }

 private:
  // Rows of the file with nothing but blanks in a column.
  struct Blank {
    std::uint64_t rows = 0, first_line = 0;
    void add(std::uint64_t line) {
      if (rows++ == 0) first_line = line;
    }
  };
  void report_blank(const Blank& blank, std::size_t column, const char* option) const;
  void check_pairs(const TextSourceOptions& options) const;
  void choose_columns(const TextSourceOptions& options);
  std::string text_column_name(const TextSourceOptions& options) const;
  bool read_row(TextRow& row);
  std::string label_of(const data::Row& row) const;

  std::vector<std::string> texts_;
  std::optional<std::string> pair_;
  train::TaskColumns trained_;
  std::size_t next_text_ = 0;
  std::optional<data::TableReader> table_;
  std::size_t text_column_ = 0;
  std::optional<std::size_t> pair_column_;
  std::optional<std::size_t> label_column_;
  bool label_is_number_ = false;
  std::uint64_t rows_ = 0;
  Blank blank_texts_, blank_pairs_;
  Utf8Watch bytes_;
  std::optional<text::UnreadTexts> unread_;
  std::exception_ptr failure_;  // met behind rows that were handed out first
};

}  // namespace espalier::cli
