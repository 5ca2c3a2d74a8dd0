// What the GLUE server takes: eleven tables of predictions for the test files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "espalier/data/glue.h"

namespace espalier::data {

// A file of the archive, "MNLI-m.tsv", with its content.
struct SubmissionFile {
  std::string name;
  std::string text;
};

// The table of one test file: `index<TAB>prediction`, index from 0, a line a row; 0 or 1 for CoLA, SST-2,
// MRPC, QQP and WNLI, words for MNLI, AX, QNLI and RTE, for STS-B a number cut to 0 .. 5 with three
// decimals. The one of the spans that the task needs, classes or values, is read.
std::string submission_text(const GlueTask& task, std::span<const std::int32_t> classes,
                            std::span<const double> values);

// The names of all eleven, in the order of the tasks.
std::vector<std::string> submission_names();

// Throws InputError where a file has a name that is none of the eleven, appears twice, or is not a table as
// above (header, index, kind of prediction: file and line are named). Returns warnings: files with another
// number of rows than the official test file, and those of the eleven that are missing.
std::vector<std::string> check_submission(std::span<const SubmissionFile> files);

}  // namespace espalier::data
