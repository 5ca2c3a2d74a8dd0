// Labelled tables: TSV, CSV, JSON lines, text lines, and GLUE's TSV without header and without a fixed number
// of columns.
#include "espalier/data/table_reader.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, 5);
  const data::TableFormat formats[] = {data::TableFormat::kTsv, data::TableFormat::kCsv,
                                       data::TableFormat::kJsonl, data::TableFormat::kText,
                                       data::TableFormat::kTsv};
  data::TableOptions options;
  if (choice.variant == 4) options = {false, false};
  data::TableReader reader(testing::fuzz_file("table", choice.rest), formats[choice.variant], options);
  data::Row row;
  while (reader.next(row)) {
    const bool whole =
        row.fields.size() == reader.columns().size() || reader.format() == data::TableFormat::kJsonl;
    for (std::size_t column = 0; whole && column < reader.columns().size(); ++column)
      reader.text(row, column);
  }
}
