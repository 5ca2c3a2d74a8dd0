// results.json for people: the table on standard output.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "base/joined.h"
#include "espalier/base/progress.h"
#include "espalier/data/glue_published.h"
#include "espalier/glue/glue.h"
#include "glue/table.h"

namespace espalier::glue {
namespace {

std::string bracketed(const GlueSpread& spread) {
  return std::isfinite(spread.low) && std::isfinite(spread.high)
             ? fmt::format("[{}, {}]", percent(spread.low), percent(spread.high))
             : "-";
}

// The epoch that is not the reported one.
config::ReportedEpoch other(config::ReportedEpoch epoch) {
  return epoch == config::ReportedEpoch::kLast ? config::ReportedEpoch::kBest : config::ReportedEpoch::kLast;
}

// The rows of one task: what is said once, about its training, stands in the first.
std::string task_rows(config::ReportedEpoch epoch, const GlueTaskScores& task) {
  std::string text;
  for (const GlueSpreads& score : task.scores) {
    const GlueSpread& spread = score.at(epoch);
    std::string row =
        fmt::format("{:<8} {:<9} {:>7} {:>7} {:>7}  {:<15} {:>10} {:>6}", set_title(task.title, score.set),
                    metric_title(score.metric), percent(spread.median), percent(spread.min),
                    percent(spread.max), bracketed(spread), percent(score.at(other(epoch)).median), score.n);
    if (text.empty()) {
      row += fmt::format(" {:>7} {:>5} {:>8} {:>9.0f} {:>7.1f} %", task.train_rows, task.runs.size(),
                         clock_text(task.seconds), task.tokens_per_second, 100 * task.padding_share);
    }
    text += row + "\n";
  }
  return text;
}

std::string average_text(const GlueAverage& average) {
  const std::optional<double>&without = average.without_cola, &with = average.with_cola;
  std::string text = "Average, WNLI left out and MNLI counted twice as in the published one: ";
  text += without ? tenths(*without) + " without CoLA, " : "none";
  if (without) text += with ? tenths(*with) + " with CoLA" : "none with CoLA";
  if (!average.missing.empty()) text += " (missing: " + joined(average.missing) + ")";
  return text + "\n";
}

std::string comparison_row(const std::string& name, const GlueComparison& row) {
  const auto number = [](double value) { return std::isfinite(value) ? tenths(value) : "-"; };
  return fmt::format("{:<14} {:>7} {:>9} {:>8} {:>11}  {:<15} {:>6.3f}\n", name, number(row.score),
                     number(row.baseline), std::isfinite(row.share) ? percent(row.share) + " %" : "-",
                     number(row.difference), fmt::format("[{}, {}]", number(row.low), number(row.high)),
                     row.p_value);
}

}  // namespace

std::string metric_title(const std::string& metric) {
  if (metric == "matthews_correlation") return "Matthews";
  if (metric == "f1") return "F1";
  if (metric == "f1_macro") return "macro F1";
  if (metric == "pearson") return "Pearson";
  if (metric == "spearmanr") return "Spearman";
  return metric;
}

std::string set_title(const std::string& title, const std::string& set) {
  if (set == "dev_matched") return title + "-m";
  if (set == "dev_mismatched") return title + "-mm";
  return title;
}

std::string tenths(double value) {
  // No minus before a rounded zero.
  return fmt::format("{:.1f}", std::abs(value) < 0.05 ? 0.0 : value);
}

std::string percent(double value) {
  return std::isfinite(value) ? tenths(100 * value) : "-";
}

std::string seeds_text(const GlueResults& results) {
  std::size_t least = 0, most = 0;
  for (const auto& [name, task] : results.tasks) {
    const std::size_t seeds = task.runs.size();
    least = least == 0 ? seeds : std::min(least, seeds);
    most = std::max(most, seeds);
  }
  return least == most ? fmt::format("{} seed{}", most, most == 1 ? "" : "s")
                       : fmt::format("{} to {} seeds", least, most);
}

std::string baseline_text(const GlueBaseline& baseline) {
  std::string text = fmt::format(
      "Beside {} (paired bootstrap over dev rows and seeds; the averages are of the tasks that both have)\n"
      "{:<14} {:>7} {:>9} {:>8} {:>11}  {:<15} {:>6}\n",
      baseline.run, "task", "this", "baseline", "kept", "difference", "95 % interval", "p");
  for (const auto& [name, task] : baseline.tasks) text += comparison_row(name, task);
  if (baseline.without_cola) text += comparison_row("without CoLA", *baseline.without_cola);
  if (baseline.with_cola) text += comparison_row("with CoLA", *baseline.with_cola);
  if (!baseline.settings.empty())
    text += fmt::format("Trained otherwise: {}\n", fmt::join(baseline.settings, "; "));
  return text;
}

std::string model_text(const GlueModel& model) {
  return fmt::format("{} ({} layers, d {}, {})", model.path, model.layers, model.hidden_size,
                     model.feed_forward);
}

std::string glue_table(const GlueResults& results) {
  std::string text = fmt::format(
      "GLUE dev of {}, {} epoch, median of {}; 95 % interval (bootstrap) of the seed in the middle\n\n"
      "{:<8} {:<9} {:>7} {:>7} {:>7}  {:<15} {:>10} {:>6} {:>7} {:>5} {:>8} {:>9} {:>9}\n",
      model_text(results.model), config::epoch_name(results.epoch), seeds_text(results), "task", "metric",
      "median", "min", "max", "95 % interval", config::epoch_name(other(results.epoch)) + " epoch", "rows",
      "train", "seeds", "time", "tokens/s", "padding");
  for (const auto& [name, task] : results.tasks) text += task_rows(results.epoch, task);
  for (const auto& [name, reason] : results.skipped) {
    text += fmt::format("{:<8} skipped: {}\n", name, reason);
  }
  for (const auto& [name, task] : results.tasks) {
    for (const std::string& warning : task.warnings) text += fmt::format("{}: {}\n", task.title, warning);
  }
  text += "\n" + average_text(results.average);
  if (results.baseline) text += "\n" + baseline_text(*results.baseline);
  return text;
}

}  // namespace espalier::glue
