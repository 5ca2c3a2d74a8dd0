#include "espalier/data/glue_submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "base/joined.h"
#include "data/table_writer.h"
#include "espalier/base/error.h"

namespace espalier::data {
namespace {

constexpr std::string_view kHeader = "index\tprediction";
constexpr double kHighestScore = 5;

struct Target {
  const GlueTask* task = nullptr;
  std::int64_t rows = 0;
};

Target target_of(const std::string& name) {
  for (const GlueTask& task : glue_tasks()) {
    for (const GlueFile& file : task.test_files()) {
      if (file.submission == name) return {&task, file.official_rows};
    }
  }
  throw InputError(
      fmt::format("{}: no file of a GLUE submission; these are: {}", name, joined(submission_names())));
}

bool is_prediction(const GlueTask& task, const std::string& text) {
  if (!task.regression) return std::find(task.labels.begin(), task.labels.end(), text) != task.labels.end();
  double value = 0;
  return parse_number(text, value) && value >= 0 && value <= kHighestScore;
}

// Counts the rows after the header.
std::int64_t check_table(const SubmissionFile& file, const GlueTask& task) {
  std::int64_t line = 0;
  for (std::size_t begin = 0; begin < file.text.size(); ++line) {
    const std::size_t end = file.text.find('\n', begin);
    const std::string row = file.text.substr(begin, end - begin);
    const auto fail = [&](const std::string& expected) {
      throw InputError(
          fmt::format("{}: line {}: expected {}, found `{}`", file.name, line + 1, expected, row));
    };
    const std::string index = std::to_string(line - 1) + "\t";
    if (line == 0 && row != kHeader) fail("the header index<TAB>prediction");
    if (line > 0 && !row.starts_with(index)) fail(fmt::format("the index {}", line - 1));
    if (line > 0 && !is_prediction(task, row.substr(index.size()))) {
      fail(task.regression ? "a number in 0 .. 5" : "a prediction, one of " + joined(task.labels));
    }
    if (end == std::string::npos) fail("a line end");
    begin = end + 1;
  }
  if (line == 0)
    throw InputError(file.name + ": the file is empty; expected the header index<TAB>prediction");
  return line - 1;
}

}  // namespace

std::string submission_text(const GlueTask& task, std::span<const std::int32_t> classes,
                            std::span<const double> values) {
  std::string text = std::string(kHeader) + "\n";
  const std::size_t rows = task.regression ? values.size() : classes.size();
  for (std::size_t i = 0; i < rows; ++i) {
    const std::string prediction = task.regression
                                       ? fmt::format("{:.3f}", std::clamp(values[i], 0.0, kHighestScore))
                                       : task.labels.at(static_cast<std::size_t>(classes[i]));
    append_table_line(TableFormat::kTsv, {std::to_string(i), prediction}, "a row of the submission", text);
  }
  return text;
}

std::vector<std::string> submission_names() {
  std::vector<std::string> names;
  for (const GlueTask& task : glue_tasks()) {
    for (const GlueFile& file : task.test_files()) names.push_back(file.submission);
  }
  return names;
}

std::vector<std::string> check_submission(std::span<const SubmissionFile> files) {
  std::vector<std::string> warnings;
  std::set<std::string> seen;
  for (const SubmissionFile& file : files) {
    const Target target = target_of(file.name);
    if (!seen.insert(file.name).second) throw InputError(file.name + ": given twice");
    const std::int64_t rows = check_table(file, *target.task);
    if (rows != target.rows) {
      warnings.push_back(
          fmt::format("{}: {} rows, but the official test file has {}: the server will refuse it", file.name,
                      rows, target.rows));
    }
  }
  std::vector<std::string> missing;
  for (const std::string& name : submission_names()) {
    if (!seen.contains(name)) missing.push_back(name);
  }
  if (!missing.empty()) {
    warnings.push_back(fmt::format("{} of the 11 files are missing, which the server expects: {}",
                                   missing.size(), joined(missing)));
  }
  return warnings;
}

}  // namespace espalier::data
