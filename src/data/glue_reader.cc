#include <fmt/format.h>

#include <algorithm>

#include "base/joined.h"
#include "data/label_parser.h"
#include "espalier/base/error.h"
#include "espalier/data/glue.h"
#include "espalier/data/table_reader.h"

namespace espalier::data {
namespace {

struct Layout {
  bool header = true;
  std::size_t text = 0, text_pair = 0, label = 0;
  bool skip_short_rows = false;
};

bool is_labelled(const std::string& split) {
  return split.starts_with("train") || split.starts_with("dev");
}

const GlueFile& find_split(const GlueTask& task, const std::string& split) {
  std::vector<std::string> names;
  for (const GlueFile& file : task.files) {
    if (file.split == split) return file;
    names.push_back(file.split);
  }
  throw InputError(fmt::format("{} has no split `{}`; it has: {}", task.folder, split, joined(names)));
}

TableOptions table_options(const Layout& layout) {
  TableOptions options;
  options.header = layout.header;
  options.check_column_count = !layout.skip_short_rows;
  options.fixed = true;
  return options;
}

// Where the columns of an open file are.
void find_columns(const GlueTask& task, const TableReader& reader, bool labelled, Layout& layout) {
  if (!layout.header) {
    // CoLA's four columns: source, label, the author's own mark, sentence.
    if (reader.columns().size() != 4) {
      throw InputError(fmt::format(
          "{}: line 1: expected 4 columns without header (source, label, mark, sentence), found {}",
          reader.path().string(), reader.columns().size()));
    }
    layout.label = 1;
    layout.text = 3;
    return;
  }
  const std::string key = task.folder + " task";
  layout.text = reader.column(task.text, key);
  if (task.pairs()) layout.text_pair = reader.column(task.text_pair, key);
  if (labelled) layout.label = reader.column(task.label, key);
}

// True if a row of QQP has too few columns and is to be left out.
bool skips(const TableReader& reader, const Row& row, const Layout& layout, LabelledData& data) {
  const std::size_t expected = reader.columns().size();
  if (!layout.skip_short_rows || row.fields.size() == expected) return false;
  if (row.fields.size() > expected) {
    reader.fail(row.line, fmt::format("expected {} columns, found {}", expected, row.fields.size()));
  }
  data.skipped.push_back(
      {row.line, fmt::format("expected {} columns, found {}", expected, row.fields.size())});
  return true;
}

}  // namespace

std::filesystem::path glue_folder(const GlueTask& task, const std::filesystem::path& directory) {
  const std::filesystem::path inside = directory / task.folder;
  return std::filesystem::is_directory(inside) ? inside : directory;
}

std::filesystem::path find_glue_file(const GlueTask& task, const std::filesystem::path& directory,
                                     const std::string& split) {
  const std::filesystem::path folder = glue_folder(task, directory);
  for (const std::string& name : find_split(task, split).paths) {
    const std::filesystem::path path = (folder / name).lexically_normal();
    if (std::filesystem::is_regular_file(path)) return path;
  }
  return {};
}

LabelledData read_glue(const GlueTask& task, const std::filesystem::path& directory,
                       const std::string& split) {
  const std::filesystem::path path = find_glue_file(task, directory, split);
  if (path.empty()) {
    throw InputError(
        fmt::format("{}: no file {} of the GLUE task {} (the layout is that of the official "
                    "archive: GLUE_DIR/{}/...)",
                    directory.string(), find_split(task, split).paths.front(), task.folder, task.folder));
  }
  LabelledData data;
  data.source = path;
  data.pairs = task.pairs();
  data.has_labels = is_labelled(split);
  data.regression = task.regression;
  data.labels = LabelSet(task.labels);
  Layout layout;
  layout.header = !(task.name == "cola" && data.has_labels);
  // A test row must not be left out: the submission counts them.
  layout.skip_short_rows = task.name == "qqp" && data.has_labels;
  TableReader reader(path, TableFormat::kTsv, table_options(layout));
  find_columns(task, reader, data.has_labels, layout);
  for (Row row; reader.next(row);) {
    if (skips(reader, row, layout, data)) continue;
    Example& example = data.rows.emplace_back();
    example.line = row.line;
    example.text = reader.text(row, layout.text);
    if (task.pairs()) example.text_pair = reader.text(row, layout.text_pair);
    if (data.has_labels) parse_label(reader.value(row, layout.label), data, example, "is none of the task's");
  }
  if (data.rows.empty()) {
    throw InputError(fmt::format("{}: every row was left out, for too few columns", path.string()));
  }
  return data;
}

}  // namespace espalier::data
