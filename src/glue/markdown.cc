// results.json in the layout of the published table.
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "espalier/base/progress.h"
#include "espalier/data/glue.h"
#include "espalier/data/glue_published.h"
#include "espalier/glue/glue.h"
#include "glue/summary.h"
#include "glue/table.h"

namespace espalier::glue {
namespace {

std::string cell(const std::optional<double>& value) {
  return value ? " " + tenths(*value) + " |" : " - |";
}

std::string table_row(const std::string& model, const std::string& neurons,
                      const std::vector<std::optional<double>>& scores, const std::optional<double>& without,
                      const std::optional<double>& with) {
  std::string row = fmt::format("| {} | {} |", model, neurons);
  // CoLA stands behind the average that leaves it out.
  for (std::size_t i = 0; i + 1 < scores.size(); ++i) row += cell(scores[i]);
  return row + cell(without) + cell(scores.back()) + cell(with) + "\n";
}

std::string neurons_text(const GlueModel& model) {
  const auto all = static_cast<double>(model.neurons), used = static_cast<double>(model.neurons_used);
  return all > 0 ? fmt::format("{:.0f}, {:.3g} %", all, 100 * used / all) : "0";
}

std::string headline_table(const GlueResults& results) {
  std::string text = "| model | neurons, used |";
  std::string rule = "|---|---|";
  for (std::size_t i = 0; i + 1 < data::glue_columns().size(); ++i) {
    text += fmt::format(" {} |", data::glue_columns()[i].title);
    rule += "---|";
  }
  text += " avg w/o CoLA | CoLA | avg |\n" + rule + "---|---|---|\n";
  const auto scores = column_scores(results);
  text += table_row(fmt::format("**{}**", results.model.path), neurons_text(results.model), scores,
                    results.average.without_cola, results.average.with_cola);
  for (const data::PublishedGlue& row : data::published_glue()) {
    text += table_row(row.model + " (published)", row.neurons, {row.scores.begin(), row.scores.end()},
                      row.average_without_cola, row.average);
  }
  return text;
}

// "12.3 (11.0 .. 13.1)"
std::string spread_text(const GlueSpread& spread) {
  if (!std::isfinite(spread.median)) return "-";
  return fmt::format("{} ({} .. {})", percent(spread.median), percent(spread.min), percent(spread.max));
}

std::string interval_text(const GlueSpread& spread) {
  if (!std::isfinite(spread.low)) return "-";
  return fmt::format("{} .. {}", percent(spread.low), percent(spread.high));
}

std::string all_scores_table(const GlueResults& results) {
  std::string text = fmt::format(
      "| task | set | metric | rows | last epoch: median (min .. max) | best epoch: median (min .. max) | "
      "95 % interval, {} epoch | train rows | seeds | lr | batch | time | tokens/s | padding |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
      config::epoch_name(results.epoch));
  for (const auto& [name, task] : results.tasks) {
    for (const GlueSpreads& score : task.scores) {
      text += fmt::format(
          "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0f} | {:.1f} % |\n", task.title,
          score.set, score.metric, score.n, spread_text(score.last), spread_text(score.best),
          interval_text(score.at(results.epoch)), task.train_rows, task.runs.size(), task.lr, task.batch_size,
          clock_text(task.seconds), task.tokens_per_second, 100 * task.padding_share);
    }
  }
  return text;
}

// What makes the rows of a task others than the official ones.
std::string subset_notes(const data::GlueTask& known, const GlueTaskScores& task) {
  std::string text;
  const std::int64_t official = known.files.front().official_rows;
  if (task.train_rows != official) {
    text += fmt::format("- {}: trained on {} of the {} official rows.\n", known.folder, task.train_rows,
                        official);
  }
  for (const data::GlueFile& file : known.dev_files()) {
    for (const GlueSpreads& score : task.scores) {
      if (score.set != file.split || score.metric != known.metrics[0]) continue;
      if (score.n == file.official_rows) continue;
      text += fmt::format("- {}: {} has {} of the {} official rows, so its scores compare only roughly.\n",
                          known.folder, file.split, score.n, file.official_rows);
    }
  }
  return text;
}

std::string notes(const GlueResults& results) {
  std::string text;
  for (const auto& [name, task] : results.tasks) text += subset_notes(data::find_glue_task(name), task);
  for (const auto& [name, task] : results.tasks) {
    for (const std::string& warning : task.warnings) text += fmt::format("- {}: {}.\n", task.title, warning);
  }
  for (const auto& [name, reason] : results.skipped) {
    text += fmt::format("- {}: skipped: {}.\n", name, reason);
  }
  if (!results.submission) return text;
  for (const std::string& warning : results.submission->warnings) {
    text += fmt::format("- submission: {}.\n", warning);
  }
  return text;
}

}  // namespace

std::string glue_markdown(const GlueResults& results) {
  std::string text = fmt::format(
      "# GLUE dev: {}\n\nMedian of {}, {} epoch, in percent. Rows marked (published) are printed in "
      "arXiv "
      "2311.10770, not measured here.\n\n",
      model_text(results.model), seeds_text(results), config::epoch_name(results.epoch));
  text += headline_table(results);
  text +=
      "\nMRPC and QQP: F1; STSB: Pearson; CoLA: Matthews; the others: accuracy. MNLI: mean of matched and "
      "mismatched, counted twice in the averages, as the published averages are; WNLI is in none.\n\n";
  text += "## All scores\n\n" + all_scores_table(results);
  text +=
      "\nThe interval is the bootstrap's over dev rows, of the seed in the middle. The best epoch is chosen "
      "on "
      "the rows that score it, so it is optimistic.\n";
  if (results.baseline) {
    text += "\n## Baseline\n\n```\n" + baseline_text(*results.baseline) + "```\n";
  }
  const std::string remarks = notes(results);
  return remarks.empty() ? text : text + "\n## Notes\n\n" + remarks;
}

}  // namespace espalier::glue
