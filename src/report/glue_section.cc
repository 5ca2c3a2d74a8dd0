// Scores of GLUE runs beside each other, their baselines and what others have printed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "espalier/data/glue_published.h"
#include "glue/summary.h"
#include "glue/table.h"
#include "report/forest_plot.h"
#include "report/markup.h"
#include "report/published.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

std::string tenths_or_dash(const std::optional<double>& score) {
  return score ? fixed_text(*score, 1) : "-";
}

const GlueTaskView* find_task(const GlueRun& run, const std::string& name) {
  const auto found =
      std::find_if(run.tasks.begin(), run.tasks.end(), [&](const GlueTaskView& t) { return t.name == name; });
  return found == run.tasks.end() ? nullptr : &*found;
}

// The table of papers: our rows first.
std::string headline(const std::vector<GlueRun>& runs) {
  Table table{{"run", "model"}, {}, 2};
  const auto columns = data::glue_columns();
  for (const data::GlueColumn& column : columns) table.header.push_back(column.title);
  table.header.insert(table.header.end(), {"mean without CoLA", "mean"});
  const auto add = [&](const std::string& run, const std::string& model,
                       const std::vector<std::optional<double>>& scores, std::optional<double> without,
                       std::optional<double> with) {
    std::vector<std::string> row = {run, model};
    for (const std::optional<double>& score : scores) row.push_back(tenths_or_dash(score));
    row.insert(row.end(), {tenths_or_dash(without), tenths_or_dash(with)});
    table.rows.push_back(std::move(row));
  };
  for (const GlueRun& run : runs) {
    std::vector<std::optional<double>> scores;
    for (const data::GlueColumn& column : columns) {
      const GlueTaskView* task = find_task(run, column.task);
      scores.push_back(task == nullptr ? std::nullopt : task->score);
    }
    const std::string model = run.results ? glue::model_text(run.results->model) : run.model;
    add(run.run.label, model, scores, data::glue_average(scores, false), data::glue_average(scores, true));
  }
  for (const data::PublishedGlue& row : data::published_glue()) {
    add("published", row.model, {row.scores.begin(), row.scores.end()}, row.average_without_cola,
        row.average);
  }
  return table_html(table) +
         "<p class=\"note\">Published: arXiv 2311.10770, table 1, printed there and not measured here. MRPC "
         "and QQP: F1; "
         "STSB: Pearson; CoLA: Matthews; the others: accuracy; MNLI counts twice in the means.</p>\n";
}

// A row for each set of a task, by its first metric.
void add_rows(const GlueRun& run, std::size_t colour, ForestPlot& plot) {
  const auto row_of = [&](const std::string& name, const std::string& task) -> ForestRow& {
    const auto found =
        std::find_if(plot.rows.begin(), plot.rows.end(), [&](const ForestRow& r) { return r.name == name; });
    if (found != plot.rows.end()) return *found;
    return plot.rows.emplace_back(ForestRow{.name = name, .references = published_scores(task)});
  };
  for (const GlueTaskView& view : run.tasks) {
    const glue::GlueTaskScores* task = run.results ? run.results->find(view.name) : nullptr;
    if (task == nullptr) {
      if (!view.score) continue;
      row_of(view.title, view.name)
          .marks.push_back({.name = run.run.label, .value = *view.score, .colour = colour, .hollow = true});
      continue;
    }
    for (const glue::GlueSpreads& spreads : task->scores) {
      if (spreads.metric != task->metric) continue;
      const glue::GlueSpread& spread = spreads.at(run.results->epoch);
      row_of(glue::set_title(view.title, spreads.set), view.name)
          .marks.push_back(
              {run.run.label, 100 * spread.median, 100 * spread.low, 100 * spread.high, colour, false});
    }
  }
}

std::string forest(const std::vector<GlueRun>& runs) {
  ForestPlot plot{
      "Scores", "%",
      "Median of the seeds; the 95 % interval, by bootstrap over dev rows, is that of the seed in the "
      "middle (of two the lower). Hollow: another program's, without interval."};
  for (std::size_t i = 0; i < runs.size(); ++i) add_rows(runs[i], i, plot);
  return forest_plot_html(plot);
}

// How far a run lies above its baseline.
std::string baseline_figure(const GlueRun& run, std::size_t colour) {
  const glue::GlueBaseline& baseline = *run.results->baseline;
  ForestPlot plot{"Above its baseline", "points",
                  "Paired bootstrap over dev rows and seeds, 95 % intervals."};
  Table table{{"task", "this", "baseline", "kept", "difference", "p"}, {}};
  const auto add = [&](const std::string& name, const glue::GlueComparison& c) {
    plot.rows.push_back(
        {.name = name, .marks = {{run.run.label, c.difference, c.low, c.high, colour, false}}});
    table.rows.push_back(
        {name, fixed_text(c.score, 1), fixed_text(c.baseline, 1), percent_text(c.share),
         fmt::format("{} [{}, {}]", fixed_text(c.difference, 1), fixed_text(c.low, 1), fixed_text(c.high, 1)),
         fixed_text(c.p_value, 3)});
  };
  for (const auto& [name, comparison] : baseline.tasks) {
    const GlueTaskView* task = find_task(run, name);
    add(task == nullptr ? name : task->title, comparison);
  }
  if (baseline.without_cola) add("w/o CoLA", *baseline.without_cola);
  if (baseline.with_cola) add("with CoLA", *baseline.with_cola);
  return forest_plot_html(plot) + figure_html({.title = "Beside " + baseline.run, .svg = table_html(table)});
}

std::string notes(const GlueRun& run) {
  std::string html = notes_html(run.run);
  const auto add = [&](const std::string& text) { html += remark_html(run.run.label + ": " + text); };
  if (!run.results) return html;
  if (!run.results->complete) add("not all tasks are there");
  for (const auto& [name, reason] : run.results->skipped) add(name + ": skipped: " + reason);
  for (const auto& [name, task] : run.results->tasks) {
    for (const std::string& warning : task.warnings) add(task.title + ": " + warning);
  }
  return html;
}

std::string predictions(const std::vector<GlueRun>& runs, const Detail& detail) {
  std::string html;
  for (const GlueRun& run : runs) {
    for (const GlueTaskView& task : run.tasks) {
      std::string body;
      for (const PredictionSummary& summary : task.predictions) body += predictions_html(summary, detail);
      if (body.empty()) continue;
      const std::string title = runs.size() > 1 ? run.run.label + ": " + task.title : task.title;
      html += fmt::format("<details open=\"open\"><summary><b>{}</b></summary>\n{}</details>\n",
                          escaped(title), body);
    }
  }
  return html;
}

}  // namespace

std::string glue_sections(const std::vector<GlueRun>& runs, const Detail& detail) {
  if (runs.empty()) return "";
  std::string body, figures = forest(runs);
  for (const GlueRun& run : runs) body += notes(run);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].results && runs[i].results->baseline) figures += baseline_figure(runs[i], i);
  }
  std::string html = section_html("glue", "GLUE, dev sets", body + headline(runs) + grid_html(figures));
  const std::string rows = predictions(runs, detail);
  return rows.empty()
             ? html
             : html + section_html("glue-predictions", "Predictions of the last epoch, all seeds", rows);
}

}  // namespace espalier::report
