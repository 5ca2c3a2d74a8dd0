#include "train/finetune_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/joined.h"
#include "data/class_doubts.h"
#include "data/delimited.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/glue.h"
#include "espalier/text/unread_texts.h"
#include "text/utf8.h"

namespace espalier::train {
namespace {

// Names that a message lists.
constexpr std::size_t kListedClasses = 10;

void report_skipped(const data::LabelledData& data) {
  if (data.skipped.empty()) return;
  log_warning(
      fmt::format("{}: {} lines left out, as the official loader does ({}; lines {})", data.source.string(),
                  data.skipped.size(), data.skipped[0].reason,
                  listed(data.skipped, 10, ", ", [](const auto& row) { return std::to_string(row.line); })));
}

void report_left_out(const data::LabelledData& data) {
  if (data.left_out.count() == 0) return;
  log_warning(fmt::format("{}: {}, by task.on_bad_record: skip", data.source.string(), data.left_out.text()));
}

void report_invalid_utf8(const data::LabelledData& data) {
  std::size_t rows = 0;
  std::uint64_t first = 0;
  for (const data::Example& example : data.rows) {
    if (!example.repaired && text::is_utf8(example.text) && text::is_utf8(example.text_pair)) continue;
    if (rows++ == 0) first = example.line;
  }
  if (rows == 0) return;
  log_warning(
      fmt::format("{}: {} of {} rows hold bytes that are not UTF-8, which the tokenizer replaces (line {} "
                  "first); if they are Latin-1, convert the file: iconv -f latin1 -t utf-8",
                  data.source.string(), rows, data.rows.size(), first));
}

// An empty text teaches whatever its label is; a pair without its second part is half of a question.
void report_blank(const data::LabelledData& data) {
  std::size_t rows = 0;
  std::uint64_t first = 0;
  for (const data::Example& example : data.rows) {
    const bool pair_is_blank = data.pairs && data::trimmed(example.text_pair).empty();
    if (!pair_is_blank && !data::trimmed(example.text).empty()) continue;
    if (rows++ == 0) first = example.line;
  }
  if (rows == 0) return;
  log_warning(
      fmt::format("{}: {} of {} rows have {} (line {} first), from which nothing can be learned; "
                  "leave them out of the file",
                  data.source.string(), rows, data.rows.size(),
                  data.pairs ? "an empty text on one side or both" : "an empty text", first));
}

FinetuneData read_custom(const config::TaskConfig& task) {
  const data::LabelledColumns columns = labelled_columns(task);
  FinetuneData result;
  result.title = "custom";
  result.train = data::read_labelled(task.train, columns);
  result.metrics = data::custom_metrics(result.train.labels.size(), task.regression);
  result.inputs = {input_of("task.train", result.train)};
  if (task.dev.empty()) {
    result.evaluation.push_back({"", data::hold_out(result.train, task.dev_fraction)});
    return result;
  }
  result.evaluation.push_back({"", data::read_labelled(task.dev, columns, &result.train.labels)});
  result.inputs.push_back(input_of("task.dev", result.evaluation.front().data));
  return result;
}

FinetuneData read_glue_task(const config::TaskConfig& task, bool report) {
  if (!data::is_glue_task(task.name)) {
    throw InputError(
        fmt::format("task.name must be custom (with task.train and task.dev) or a GLUE task ({}), got `{}`",
                    joined(data::glue_tasks(), ", ", &data::GlueTask::name), task.name));
  }
  const data::GlueTask& glue = data::find_glue_task(task.name);
  FinetuneData result;
  result.title = glue.name;
  result.train = data::read_glue(glue, task.dir, "train");
  result.inputs.push_back(input_of("train", result.train));
  for (const data::GlueFile& file : glue.dev_files()) {
    if (!result.evaluation.empty() && data::find_glue_file(glue, task.dir, file.split).empty()) {
      if (report) {
        log_warning(fmt::format("{}: no file {}; these scores are left out",
                                data::glue_folder(glue, task.dir).string(), file.paths.front()));
      }
      continue;
    }
    result.evaluation.push_back({file.suffix, data::read_glue(glue, task.dir, file.split)});
    result.inputs.push_back(input_of(file.split, result.evaluation.back().data));
  }
  result.metrics = glue.metrics;
  return result;
}

// A class is learned that its evaluation says nothing about.
void report_unscored(const data::LabelledData& data) {
  const std::vector<std::int64_t> counts = data::class_counts(data);
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) missing.push_back("`" + data::visible_name(data.labels.names()[i]) + "`");
  }
  if (missing.empty()) return;
  log_warning(fmt::format("{}: no rows of {} class{} ({}), which the scores say nothing about",
                          data.source.string(), missing.size(), missing.size() == 1 ? "" : "es",
                          listed(missing, kListedClasses)));
}

// "mean 2.5, standard deviation 1.1, from 0 to 5"
std::string value_summary(const data::LabelledData& data) {
  double sum = 0, squares = 0, low = std::numeric_limits<double>::infinity(), high = -low;
  for (const data::Example& row : data.rows) {
    const auto value = static_cast<double>(row.value);
    sum += value;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const auto rows = static_cast<double>(data.rows.size());
  for (const data::Example& row : data.rows) {
    const double off = static_cast<double>(row.value) - sum / rows;
    squares += off * off;
  }
  return fmt::format("mean {:.4g}, standard deviation {:.4g}, from {:.4g} to {:.4g}", sum / rows,
                     std::sqrt(squares / rows), low, high);
}

// The output begins at 0 and moves by the learning rate: it would need thousands of steps to such numbers.
void report_scale(const data::LabelledData& train) {
  constexpr double kLarge = 100;
  const bool large = std::any_of(train.rows.begin(), train.rows.end(), [](const data::Example& row) {
    return std::abs(static_cast<double>(row.value)) > kLarge;
  });
  if (large) {
    log_warning(
        fmt::format("{}: labels beyond {:g} are learned slowly or not at all: scale them to about 0 to 5",
                    train.source.string(), kLarge));
  }
}

void report_values(const FinetuneData& data) {
  const auto log = [](const data::LabelledData& set) {
    log_info(fmt::format("{}: {} rows, {}", set.source.string(), set.rows.size(), value_summary(set)));
  };
  log(data.train);
  for (const EvaluationSet& set : data.evaluation) log(set.data);
  report_scale(data.train);
}

void report_classes(const FinetuneData& data) {
  const auto log = [](const data::LabelledData& set) {
    log_info(fmt::format("{}: {} rows, {}", set.source.string(), set.rows.size(), data::class_summary(set)));
  };
  log(data.train);
  const std::vector<std::string>& metrics = data.metrics;
  if (std::find(metrics.begin(), metrics.end(), "f1") != metrics.end())
    log_info(
        fmt::format("f1 is that of the class `{}`", data::visible_name(data.train.labels.names().at(1))));
  for (const EvaluationSet& set : data.evaluation) {
    log(set.data);
    report_unscored(set.data);
  }
}

// Rows that are learned and scored alike, whatever their labels.
void report_shared_rows(const FinetuneData& data) {
  const auto key = [](const data::Example& row) { return row.text + '\t' + row.text_pair; };
  std::unordered_set<std::string> learned;
  for (const data::Example& row : data.train.rows) learned.insert(key(row));
  for (const EvaluationSet& set : data.evaluation) {
    const auto shared = std::count_if(set.data.rows.begin(), set.data.rows.end(),
                                      [&](const data::Example& row) { return learned.contains(key(row)); });
    if (shared == 0) continue;
    log_warning(
        fmt::format("{} of the {} rows to evaluate on have the text of a training row: scores tell how well "
                    "these are remembered",
                    shared, set.data.rows.size()));
  }
}

void report_unread_rows(const text::Tokenizer& tokenizer, const data::LabelledData& data) {
  text::UnreadTexts unread(tokenizer);
  for (const data::Example& example : data.rows) unread.add(example.text + " " + example.text_pair);
  const std::string warning = unread.warning();
  if (!warning.empty()) log_warning(data.source.string() + ": " + warning);
}

}  // namespace

data::LabelledColumns labelled_columns(const config::TaskConfig& task) {
  data::LabelledColumns columns{task.text, task.text_pair, task.label, task.regression};
  columns.format = data::format_named(task.format);
  columns.table.separator = data::parse_separator(task.separator, "task.separator");
  columns.table.header = task.header;
  columns.table.skip_setting = "task.on_bad_record=skip";
  if (task.skip_bad_records) columns.table.on_bad_record = data::OnBadRecord::kSkip;
  return columns;
}

void report_unread(const text::Tokenizer& tokenizer, const FinetuneData& data) {
  report_unread_rows(tokenizer, data.train);
  for (const EvaluationSet& set : data.evaluation) report_unread_rows(tokenizer, set.data);
}

void report_oddities(const data::LabelledData& data) {
  report_skipped(data);
  report_left_out(data);
  report_invalid_utf8(data);
  report_blank(data);
}

io::Named<io::Named<std::int64_t>> class_counts_of(const FinetuneData& data) {
  if (data.train.regression) return {};
  io::Named<io::Named<std::int64_t>> all;
  const auto add = [&](const std::string& name, const data::LabelledData& set) {
    io::Named<std::int64_t>& named = all.emplace_back(name, io::Named<std::int64_t>()).second;
    const std::vector<std::int64_t> counts = data::class_counts(set);
    for (std::size_t i = 0; i < counts.size(); ++i) named.emplace_back(set.labels.names()[i], counts[i]);
  };
  add("train", data.train);
  for (const EvaluationSet& set : data.evaluation) add("dev" + set.suffix, set.data);
  return all;
}

FinetuneData read_finetune_data(const config::TaskConfig& task, std::uint64_t seed, bool report) {
  FinetuneData result = task.name == "custom" ? read_custom(task) : read_glue_task(task, report);
  const std::vector<std::string> doubts =
      task.name == "custom" ? data::class_doubts(result.train) : std::vector<std::string>();
  data::subsample(result.train, task.max_train, seed);
  if (!report) return result;
  if (result.train.regression) {
    report_values(result);
  } else {
    report_classes(result);
  }
  for (const std::string& doubt : doubts) log_warning(doubt);
  if (task.name == "custom") report_shared_rows(result);
  report_oddities(result.train);
  for (const EvaluationSet& set : result.evaluation) report_oddities(set.data);
  return result;
}

}  // namespace espalier::train
