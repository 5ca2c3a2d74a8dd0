// The options of every verb that reads a table of texts: --format, --separator, --no-header,
// --on-bad-record.
#pragma once

#include <string>

#include "cli/command.h"
#include "espalier/data/table_reader.h"

namespace espalier::cli {

struct TableArguments {
  std::string format = "auto";
  std::string separator = "auto";
  bool no_header = false;
  std::string on_bad_record = "stop";

  // InputError: no such separator.
  data::TableOptions options() const;
  // Of the file: as named, else by its extension, and a text a line for standard input.
  data::TableFormat format_of(const std::string& file) const;
};

// Binds the options, which go with `file`.
void add_table_options(Command& verb, TableArguments& arguments, Option* file);

// The column of the texts where nobody names one: the only one of a table without a header, else `sentence`,
// or `text` where that alone is there.
std::string usual_text_column(const data::TableReader& table, bool header);

// InputError: all records were left out.
[[noreturn]] void fail_without_rows(const data::TableReader& table);

// Warns of the records that were left out, if any.
void report_left_out(const data::TableReader& table);

}  // namespace espalier::cli
