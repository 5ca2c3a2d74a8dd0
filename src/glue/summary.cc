#include "glue/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "espalier/data/glue_published.h"
#include "espalier/metrics/paired_bootstrap.h"

namespace espalier::glue {
namespace {

// The run in the middle, the lower of two.
const GlueScore& median_score(std::vector<const GlueScore*> scores) {
  std::stable_sort(scores.begin(), scores.end(),
                   [](const GlueScore* a, const GlueScore* b) { return a->value < b->value; });
  return *scores[(scores.size() - 1) / 2];
}

// Undefined in all it says where a score is: that has no place among the others.
GlueSpread spread_of(const std::vector<const GlueScore*>& scores) {
  std::vector<double> values;
  for (const GlueScore* score : scores) values.push_back(score->value);
  if (std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); })) return {};
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const GlueScore& middle = median_score(scores);
  GlueSpread spread;
  spread.median = metrics::median(values);
  spread.mean = mean;
  if (values.size() > 1) spread.std = std::sqrt(squares / static_cast<double>(values.size() - 1));
  spread.min = *std::min_element(values.begin(), values.end());
  spread.max = *std::max_element(values.begin(), values.end());
  spread.low = middle.low;
  spread.high = middle.high;
  return spread;
}

// Of score `index` of each run at its last or best epoch.
GlueSpread spread_at(const std::vector<GlueTraining>& runs, config::ReportedEpoch epoch, std::size_t index) {
  std::vector<const GlueScore*> scores;
  for (const GlueTraining& run : runs) scores.push_back(&run.at(epoch).scores.at(index));
  return spread_of(scores);
}

std::vector<GlueSpreads> all_scores(const std::vector<GlueTraining>& runs) {
  std::vector<GlueSpreads> result;
  const std::vector<GlueScore>& first = runs.front().epochs.front().scores;
  for (std::size_t i = 0; i < first.size(); ++i) {
    result.push_back({first[i].set, first[i].metric, first[i].n,
                      spread_at(runs, config::ReportedEpoch::kLast, i),
                      spread_at(runs, config::ReportedEpoch::kBest, i)});
  }
  return result;
}

double headline(const config::GlueConfig& config, const std::vector<GlueSpreads>& scores) {
  double sum = 0;
  int count = 0;
  for (const GlueSpreads& score : scores) {
    if (score.metric != scores.front().metric) continue;
    sum += 100 * score.at(config.epoch).median;
    ++count;
  }
  return sum / count;
}

double mean_of(const std::vector<GlueTraining>& runs, double GlueTraining::*field) {
  double sum = 0;
  for (const GlueTraining& run : runs) sum += run.*field;
  return sum / static_cast<double>(runs.size());
}

// The time of all trainings; the chosen setting's first seed is in both lists.
double total_seconds(const GlueTaskResults& task) {
  double sum = 0;
  for (const GlueTraining& run : task.runs) sum += run.seconds + run.eval_seconds;
  for (const GlueTraining& run : task.sweep) {
    const bool known = std::any_of(task.runs.begin(), task.runs.end(),
                                   [&](const GlueTraining& r) { return r.folder == run.folder; });
    if (!known) sum += run.seconds + run.eval_seconds;
  }
  return sum;
}

// What was said about degenerate scores at the reported epoch, with the number of seeds.
std::vector<std::string> warnings_of(const config::GlueConfig& config,
                                     const std::vector<GlueTraining>& runs) {
  std::map<std::string, int> counts;
  for (const GlueTraining& run : runs) {
    for (const std::string& warning : run.at(config.epoch).warnings) ++counts[warning];
  }
  std::vector<std::string> warnings;
  for (const auto& [warning, count] : counts) {
    warnings.push_back(fmt::format("{} ({} of {} seeds)", warning, count, runs.size()));
  }
  return warnings;
}

GlueTaskScores task_summary(const config::GlueConfig& config, const GlueTaskResults& task) {
  const GlueTraining& first = task.runs.front();
  GlueTaskScores summary;
  summary.title = task.plan->task->folder;
  summary.metric = task.plan->task->metrics[0];
  summary.scores = all_scores(task.runs);
  summary.score = headline(config, summary.scores);
  summary.train_rows = first.train_rows;
  summary.lr = first.lr;
  summary.batch_size = first.batch_size;
  summary.seconds = total_seconds(task);
  summary.tokens_per_second = mean_of(task.runs, &GlueTraining::tokens_per_second);
  summary.padding_share = mean_of(task.runs, &GlueTraining::padding_share);
  summary.warnings = warnings_of(config, task.runs);
  summary.model = task.plan->task->folder + "/model.h5";
  summary.tests = task.tests;
  summary.runs = task.runs;
  for (const GlueTraining& run : task.sweep) {
    const GlueScore& score = run.at(config.epoch).scores.front();
    summary.sweep.push_back({run.lr, run.batch_size, run.seed, score.metric, score.value, run.folder});
  }
  return summary;
}

GlueAverage average_of(const GlueResults& results) {
  const auto scores = column_scores(results);
  GlueAverage average{data::glue_average(scores, false), data::glue_average(scores, true), {}};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!scores[i]) average.missing.push_back(data::glue_columns()[i].task);
  }
  return average;
}

}  // namespace

std::vector<std::optional<double>> column_scores(const GlueResults& results) {
  std::vector<std::optional<double>> scores;
  for (const data::GlueColumn& column : data::glue_columns()) {
    const GlueTaskScores* task = results.find(column.task);
    const bool there = task != nullptr && std::isfinite(task->score);
    scores.push_back(there ? std::optional(task->score) : std::nullopt);
  }
  return scores;
}

GlueResults summary_of(const config::GlueConfig& config, const GluePlan& plan, const GlueModel& model,
                       const std::vector<GlueTaskResults>& tasks) {
  GlueResults results;
  results.model = model;
  results.epoch = config.epoch;
  results.seeds = config.seeds;
  results.complete = tasks.size() == plan.tasks.size();
  for (const GlueTaskResults& task : tasks) {
    results.tasks.emplace_back(task.plan->task->name, task_summary(config, task));
  }
  for (const SkippedTask& task : plan.skipped) results.skipped.emplace_back(task.name, task.reason);
  results.average = average_of(results);
  return results;
}

}  // namespace espalier::glue
