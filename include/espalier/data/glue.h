// The nine tasks of GLUE (Wang et al., 2018), read from the files of the official archive with their quirks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/data/labelled.h"

namespace espalier::data {

// One file of a task.
struct GlueFile {
  std::string split;               // train, dev, test; MNLI: dev_matched, ..., test_mismatched, and ax
  std::vector<std::string> paths;  // below the task's folder; the first that exists is read
  std::string suffix;              // of metric names and tables where a task has several: "" or "_mm" (HF)
  std::string submission;          // test files: the name in the zip, as "MNLI-m.tsv"
  std::int64_t official_rows = 0;
};

struct GlueTask {
  std::string name;    // Hugging Face's: sst2
  std::string folder;  // the archive's, and the title in tables: SST-2
  bool regression = false;
  std::vector<std::string> labels;  // class i is labels[i], in the order of the official loaders
  // Columns of the files with header; `text_pair` empty for single sentences.
  std::string text, text_pair, label;
  std::vector<std::string> metrics;  // names of metrics/metrics.h, the one of published tables first
  std::vector<GlueFile> files;

  bool pairs() const { return !text_pair.empty(); }
  // The dev files: one, or matched and mismatched.
  std::vector<GlueFile> dev_files() const;
  std::vector<GlueFile> test_files() const;
};

// All nine, in the order of papers: CoLA SST-2 MRPC STS-B QQP MNLI QNLI RTE WNLI.
const std::vector<GlueTask>& glue_tasks();

// By either name, in any case, with or without hyphens ("SST-2", "sst2", "stsb"). InputError lists the names.
const GlueTask& find_glue_task(std::string_view name);
bool is_glue_task(std::string_view name);

// The folder of a task: `directory`/SST-2 if there is such a folder, else `directory` itself.
std::filesystem::path glue_folder(const GlueTask& task, const std::filesystem::path& directory);

// The path of a split's file; empty if there is none. InputError for a split the task does not have.
std::filesystem::path find_glue_file(const GlueTask& task, const std::filesystem::path& directory,
                                     const std::string& split);

// Reads one split. Test splits have no labels. Quirks honoured: CoLA's train and dev have no header; fields
// are between tabs and quotes are text; a byte-order mark (MRPC) is dropped; MNLI's label is the column
// gold_label, whose place differs between files; QQP lines with missing columns are left out and listed in
// `skipped`, as the official loader does. InputError: no such file, no rows, a wrong column count elsewhere,
// an unknown label.
LabelledData read_glue(const GlueTask& task, const std::filesystem::path& directory,
                       const std::string& split);

// One's own data: what is reported for it, primary first.
std::vector<std::string> custom_metrics(std::int32_t classes, bool regression);

}  // namespace espalier::data
