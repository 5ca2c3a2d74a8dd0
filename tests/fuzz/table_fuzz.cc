// Labelled tables: TSV, CSV, JSON lines, text lines, and GLUE's TSV without header and without a fixed number
// of columns; and what fine-tuning makes of them, classes, numbers and the files of GLUE.
#include "espalier/data/glue.h"
#include "espalier/data/table_reader.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

void read_rows(std::string_view bytes, data::TableFormat format, const data::TableOptions& options) {
  data::TableReader reader(testing::fuzz_file("table", bytes), format, options);
  data::Row row;
  while (reader.next(row)) {
    const bool whole =
        row.fields.size() == reader.columns().size() || reader.format() == data::TableFormat::kJsonl;
    for (std::size_t column = 0; whole && column < reader.columns().size(); ++column)
      reader.text(row, column);
  }
}

void read_glue(std::string_view bytes, const std::string& name) {
  const data::GlueTask& task = data::find_glue_task(name);
  const std::filesystem::path folder =
      testing::fuzz_file(task.folder + "/train.tsv", bytes).parent_path().parent_path();
  data::read_glue(task, folder, "train");
}

}  // namespace

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, 12);
  const data::TableFormat formats[] = {data::TableFormat::kTsv, data::TableFormat::kCsv,
                                       data::TableFormat::kJsonl, data::TableFormat::kText,
                                       data::TableFormat::kTsv};
  data::TableOptions options;
  if (choice.variant == 4) options = {false, false};
  if (choice.variant < 5) return read_rows(choice.rest, formats[choice.variant], options);
  const char* const labelled[] = {"labelled.tsv", "labelled.csv", "labelled.jsonl"};
  const char* const tasks[] = {"cola", "mrpc", "stsb", "qqp"};
  if (choice.variant >= 8) return read_glue(choice.rest, tasks[choice.variant - 8]);
  const std::filesystem::path path = testing::fuzz_file(labelled[choice.variant - 5], choice.rest);
  data::read_labelled(path, {});
  data::read_labelled(path, {"sentence", "", "label", true});
}
