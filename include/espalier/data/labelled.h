// Labelled texts for fine-tuning, held in memory: one's own tables and, through data/glue.h, the GLUE tasks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "espalier/data/labels.h"
#include "espalier/data/table_reader.h"

namespace espalier::data {

struct Example {
  std::string text;
  std::string text_pair;   // empty for single texts
  std::int32_t label = 0;  // class, or 0 where there is none
  float value = 0;         // regression target, or 0
  std::uint64_t line = 0;  // in the file, from 1
  bool repaired = false;   // the reader replaced bytes that are not UTF-8
};

// A line left out, as the official loader of the task does.
struct SkippedLine {
  std::uint64_t line = 0;
  std::string reason;
};

struct LabelledData {
  std::filesystem::path source;
  std::vector<Example> rows;
  bool pairs = false;       // rows are pairs of texts
  bool has_labels = false;  // false: a test file
  bool regression = false;
  LabelSet labels;  // the classes; empty for regressions
  std::vector<SkippedLine> skipped;
  BadRecords left_out;  // by columns.table.on_bad_record
};

// Which columns to read. `text_pair` empty: single texts; `label` empty: the file has no labels.
struct LabelledColumns {
  std::string text = "sentence";
  std::string text_pair;
  std::string label = "label";
  bool regression = false;
  std::optional<TableFormat> format = {};  // nothing: by the extension
  TableOptions table = {};
};

// Reads a whole .tsv, .csv or .jsonl file (also .gz or .zst). With `known` null the classes are those of the
// file, two at least; otherwise a label outside `known` is an error that names it, its line and the known
// ones. Throws InputError with file and line for anything wrong, a file without rows included, and labels
// that are not UTF-8 or hold a tab or a line end, which no name of a class may.
LabelledData read_labelled(const std::filesystem::path& path, const LabelledColumns& columns,
                           const LabelSet* known = nullptr);

// Moves a share of the rows, of each class alike (one row of it stays at least), into another set: the same
// rows always. InputError if that leaves either without a row.
LabelledData hold_out(LabelledData& data, double share);

// `count` of the rows, drawn by `seed`, in file order; all of them if count is 0 or not smaller. A pure
// function of (seed, number of rows): files are often sorted by label or source, so the first rows will not
// do.
void subsample(LabelledData& data, std::int64_t count, std::uint64_t seed);

// Rows of each class.
std::vector<std::int64_t> class_counts(const LabelledData& data);

}  // namespace espalier::data
