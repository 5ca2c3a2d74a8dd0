// Curves, scores and predictions of fine-tunings.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include "espalier/metrics/metrics.h"
#include "glue/table.h"
#include "report/forest_plot.h"
#include "report/markup.h"
#include "report/published.h"
#include "report/run_chart.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

// What is no share, as a mean squared error, keeps its scale.
double scale_of(const std::string& metric) {
  return metrics::higher_is_better(metric) ? 100 : 1;
}

std::string interval_text(const train::MetricScore& metric) {
  const double scale = scale_of(metric.name);
  std::string text = fixed_text(scale * metric.value, scale == 1 ? 4 : 1);
  if (metric.interval) {
    text += fmt::format(" [{}, {}]", fixed_text(scale * metric.interval->low, scale == 1 ? 4 : 1),
                        fixed_text(scale * metric.interval->high, scale == 1 ? 4 : 1));
  }
  return text;
}

const std::vector<train::FinetuneEvaluation>& evaluations_of(const Finetuning& run) {
  return run.evaluations.items();
}

std::string first_score(const train::FinetuneEvaluation* evaluation) {
  if (evaluation == nullptr || evaluation->sets.empty() || evaluation->sets[0].metrics.empty()) return "-";
  const train::MetricScore& metric = evaluation->sets[0].metrics[0];
  return glue::metric_title(metric.name) + " " + interval_text(metric);
}

std::string finetuning_overview(const std::vector<Finetuning>& runs) {
  Table table{{"run", "task", "model", "last line", "steps", "epochs", "wall time", "train loss",
               "last evaluation", "best evaluation"},
              {},
              4};
  for (const Finetuning& run : runs) {
    const std::vector<train::FinetuneEvaluation>& evaluations = evaluations_of(run);
    table.rows.push_back({run.run.label, run.task.name, run.model,
                          run.run.written.empty() ? "none yet" : run.run.written, std::to_string(run.step),
                          fixed_text(run.epoch, 2), duration_text(run.seconds),
                          run.loss.empty() ? "-" : fixed_text(run.loss.last().value, 4),
                          first_score(evaluations.empty() ? nullptr : &evaluations.back()),
                          first_score(run.best ? &*run.best : nullptr)});
  }
  std::string notes;
  for (const Finetuning& run : runs) {
    notes += notes_html(run.run);
    if (run.step == 0) notes += remark_html(run.run.label + ": nothing is logged yet");
    if (evaluations_of(run).empty()) continue;
    for (const std::string& warning : evaluations_of(run).back().warnings) {
      notes += remark_html(run.run.label + ": " + warning);
    }
  }
  return notes + table_html(table);
}

std::string named(const std::vector<Finetuning>& runs, std::size_t i, const std::string& what) {
  return runs.size() == 1 ? what : runs[i].run.label + ", " + what;
}

std::string loss_figure(const std::vector<Finetuning>& runs, const Detail& detail) {
  LineChart chart{.title = "Loss", .from_zero = true};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    chart.series.push_back({named(runs, i, "train"), i, runs.size() == 1 ? Stroke::kLine : Stroke::kFaint,
                            runs[i].loss.means(kMeans)});
    std::size_t colour = 1;
    for (const MetricCurve& set : runs[i].held_out_loss) {
      chart.series.push_back({named(runs, i, set.suffix.empty() ? "evaluation" : "evaluation, mismatched"),
                              runs.size() == 1 ? colour++ : i,
                              set.suffix.empty() ? Stroke::kLine : Stroke::kDashed, set.curve.samples(),
                              true});
    }
  }
  return line_chart_twice(chart, Horizontal::kEpochs, detail);
}

// A chart a metric: runs and sets over each other.
std::string metric_figures(const std::vector<Finetuning>& runs, const Detail& detail) {
  std::string html;
  for (const std::string& name : metrics::metric_names()) {
    std::string title = glue::metric_title(name);
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    LineChart chart{.title = title, .unit = scale_of(name) == 1 ? "" : "%"};
    for (std::size_t i = 0; i < runs.size(); ++i) {
      std::size_t colour = 1;
      for (const MetricCurve& metric : runs[i].metrics) {
        if (metric.name != name) continue;
        chart.series.push_back({named(runs, i, metric.suffix.empty() ? "evaluation" : "mismatched"),
                                runs.size() == 1 ? colour++ : i,
                                metric.suffix.empty() ? Stroke::kLine : Stroke::kDashed,
                                scaled(metric.curve.samples(), scale_of(name)), true});
      }
    }
    html += line_chart_twice(chart, Horizontal::kEpochs, detail);
  }
  return html;
}

std::string rate_figure(const std::vector<Finetuning>& runs, const Detail& detail) {
  const RunChart<Finetuning> rate{
      .chart = {.title = "Learning rate", .from_zero = true},
      .curve = [](const Finetuning& r) -> const Curve& { return r.learning_rate; }};
  return run_chart_html(rate, runs, Horizontal::kEpochs, detail);
}

// Scores of the last evaluations; what others have printed of the task beside its first metric.
std::string score_figure(const std::vector<Finetuning>& runs) {
  ForestPlot plot{"Scores of the last evaluation", "%",
                  "With 95 % intervals, by bootstrap over rows, where they were made."};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::vector<train::FinetuneEvaluation>& evaluations = evaluations_of(runs[i]);
    if (evaluations.empty()) continue;
    for (const train::SetScores& set : evaluations.back().sets) {
      for (const train::MetricScore& metric : set.metrics) {
        if (scale_of(metric.name) == 1) continue;
        const std::string task = runs[i].task.name == "custom" ? "" : runs[i].task.name + " ";
        const std::string name = task + metric_title(metric.name, set.suffix);
        auto row = std::find_if(plot.rows.begin(), plot.rows.end(),
                                [&](const ForestRow& r) { return r.name == name; });
        if (row == plot.rows.end()) {
          row = plot.rows.insert(row, {.name = name});
          if (&metric == &set.metrics.front()) row->references = published_scores(runs[i].task.name);
        }
        ForestMark mark{.name = runs[i].run.label, .value = 100 * metric.value, .colour = i};
        if (metric.interval) {
          mark.low = 100 * metric.interval->low;
          mark.high = 100 * metric.interval->high;
        }
        row->marks.push_back(mark);
      }
    }
  }
  return forest_plot_html(plot);
}

}  // namespace

std::string finetuning_sections(const std::vector<Finetuning>& runs, const Detail& detail) {
  if (runs.empty()) return "";
  std::string html = section_html("finetuning", runs.size() == 1 ? "Fine-tuning" : "Fine-tunings",
                                  finetuning_overview(runs));
  const std::string figures = loss_figure(runs, detail) + metric_figures(runs, detail) +
                              rate_figure(runs, detail) + score_figure(runs);
  html += section_html("scores", "Curves and scores", grid_html(figures));
  std::string predictions;
  for (const Finetuning& run : runs) {
    if (runs.size() > 1 && !run.predictions.empty()) {
      predictions += fmt::format("<h3>{}</h3>\n", escaped(run.run.label));
    }
    for (const PredictionSummary& summary : run.predictions) predictions += predictions_html(summary, detail);
  }
  if (!predictions.empty())
    html += section_html("predictions", "Predictions of the last evaluation", predictions);
  return html;
}

}  // namespace espalier::report
