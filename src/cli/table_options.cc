#include "cli/table_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "espalier/base/error.h"
#include "espalier/base/log.h"

namespace espalier::cli {

data::TableOptions TableArguments::options() const {
  data::TableOptions options;
  options.separator = data::parse_separator(separator, "--separator");
  options.header = !no_header;
  options.skip_setting = "--on-bad-record skip";
  if (on_bad_record == "skip") options.on_bad_record = data::OnBadRecord::kSkip;
  return options;
}

data::TableFormat TableArguments::format_of(const std::string& file) const {
  if (const auto named = data::format_named(format)) return *named;
  if (file == "-") return data::TableFormat::kText;
  try {
    return data::table_format(file);
  } catch (const InputError& error) {
    if (std::filesystem::is_directory(file)) throw;
    throw InputError(fmt::format("{} (or say it by --format)", error.what()));
  }
}

void add_table_options(Command& verb, TableArguments& arguments, Option* file) {
  verb.add_option(
          "--format", arguments.format,
          "What --file holds: auto (by its extension; txt for -, standard input), txt, tsv, csv or jsonl")
      ->check(one_of({"auto", "txt", "tsv", "csv", "jsonl"}))
      ->capture_default_str()
      ->needs(file);
  verb.add_option(
          "--separator", arguments.separator,
          "Between the fields of --file: auto (tab in .tsv, comma in .csv), tab, comma, semicolon, pipe "
          "or the character")
      ->capture_default_str()
      ->needs(file);
  verb.add_flag("--no-header", arguments.no_header,
                "The first line of --file is a row, and columns go by number, from 1")
      ->needs(file);
  verb.add_option("--on-bad-record", arguments.on_bad_record,
                  "At a row of --file that cannot be read: stop, or skip it, counted")
      ->check(one_of({"stop", "skip"}))
      ->capture_default_str()
      ->needs(file);
}

std::string usual_text_column(const data::TableReader& table, bool header) {
  const std::vector<std::string>& columns = table.columns();
  const auto has = [&](const char* name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  if (!header && columns.size() == 1) return columns[0];
  return !has("sentence") && has("text") ? "text" : "sentence";
}

void fail_without_rows(const data::TableReader& table) {
  throw InputError(fmt::format("{}: no row can be used: {}", table.path().string(), table.left_out().text()));
}

void report_left_out(const data::TableReader& table) {
  if (table.left_out().count() == 0) return;
  log_warning(fmt::format("{}: {}, by --on-bad-record skip", table.path().string(), table.left_out().text()));
}

}  // namespace espalier::cli
