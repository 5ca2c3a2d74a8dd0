#include "cli/table_options.h"

#include <fmt/format.h>

#include "espalier/base/log.h"

namespace espalier::cli {

data::TableOptions TableArguments::options() const {
  data::TableOptions options;
  options.separator = data::parse_separator(separator, "--separator");
  options.header = !no_header;
  if (on_bad_record == "skip") options.on_bad_record = data::OnBadRecord::kSkip;
  return options;
}

void add_table_options(Command& verb, TableArguments& arguments, Option* file) {
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

void report_left_out(const data::TableReader& table) {
  if (table.left_out().count() == 0) return;
  log_warning(fmt::format("{}: {}, by --on-bad-record skip", table.path().string(), table.left_out().text()));
}

}  // namespace espalier::cli
