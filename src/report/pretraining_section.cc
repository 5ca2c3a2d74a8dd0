// Losses, speed and what else one number a line says, of one pretraining or several.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "report/markup.h"
#include "report/run_chart.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

double last_value(const Curve& curve) {
  return curve.empty() ? std::numeric_limits<double>::quiet_NaN() : curve.last().value;
}

std::string lowest_text(const Curve& curve) {
  return curve.empty() ? "-" : fixed_text(curve.lowest().value, 4);
}

using StepChart = RunChart<Pretraining>;

const std::vector<StepChart>& step_charts() {
  static const std::vector<StepChart> charts = {
      {.chart = {.title = "Learning rate", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.learning_rate; }},
      {.chart = {.title = "Gradient norm, before clipping", .logarithmic = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.grad_norm; },
       .noisy = true},
      {.chart = {.title = "Batch size", .unit = "sequences", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.batch_size; }},
      {.chart = {.title = "Speed of training", .unit = "tokens/s", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.tokens_per_s; },
       .noisy = true},
      {.chart = {.title = "Resident memory", .unit = "GB", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.rss; },
       .factor = 1e-9},
  };
  return charts;
}

const std::vector<StepChart>& distillation_charts() {
  static const std::vector<StepChart> charts = {
      // What a student is trained on changes on the way, and its scale with it.
      {.chart = {.title = "Loss of distillation",
                 .from_zero = true,
                 .note =
                     "Relative squared error of the new layers, each by itself; from "
                     "distill.layerwise_until of the budget on that of the whole model's output, or its KL "
                     "divergence in nats."},
       .curve = [](const Pretraining& r) -> const Curve& {
         static const Curve none;
         return r.distillation ? r.steps.loss : none;
       },
       .noisy = true},
      {.chart = {.title = "Relative error of the last hidden states", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.held_out.hidden_error; },
       .dots = true},
      {.chart = {.title = "KL divergence of the predictions", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.held_out.kl_divergence; },
       .dots = true},
  };
  return charts;
}

std::string run_charts(const std::vector<Pretraining>& runs, const std::vector<StepChart>& charts,
                       const Detail& detail) {
  std::string html;
  for (const StepChart& chart : charts) html += run_chart_html(chart, runs, Horizontal::kTokens, detail);
  return html;
}

std::string name_in(const Pretraining& run, bool alone, const std::string& what) {
  return alone ? what : run.run.label + (what.empty() ? "" : ", " + what);
}

std::string loss_chart(const std::vector<Pretraining>& runs, const Detail& detail) {
  LineChart chart{.title = "Loss of masked words", .unit = "nats"};
  const bool alone = runs.size() == 1;
  if (alone && runs[0].steps.loss.count() > 2 * kMeans)
    chart.note = "Train: each line of the log faintly, the mean of a hundredth of the run in bold.";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].distillation) continue;
    const EvaluationCurves& held_out = runs[i].held_out;
    const auto add = [&](const std::string& what, std::size_t colour, Stroke stroke, const Curve& curve,
                         bool dots) {
      chart.series.push_back(
          {name_in(runs[i], alone, what), alone ? colour : i, stroke, curve.samples(), dots});
    };
    if (alone) {
      add_noisy(runs[i].steps.loss, "train", 0, alone, 1, chart);
    } else {
      chart.series.push_back({"", i, Stroke::kFaint, runs[i].steps.loss.means(kMeans)});
    }
    if (!held_out.loss.empty())
      add(alone ? "held out, hard" : "held out", 1, Stroke::kLine, held_out.loss, true);
    if (alone) add("held out, soft", 2, Stroke::kDashed, held_out.soft, false);
    if (alone || i == 0) {
      chart.series.push_back({"unigram", 7, Stroke::kDotted, held_out.unigram.samples()});
    }
  }
  if (!alone)
    chart.note = "Held out in bold, by hard routing; means of the training loss faintly; " +
                 std::string("unigram of the first run.");
  return line_chart_twice(chart, Horizontal::kTokens, detail);
}

std::string accuracy_chart(const std::vector<Pretraining>& runs, const Detail& detail) {
  LineChart chart{.title = "Masked words predicted exactly", .unit = "%", .from_zero = true};
  const bool alone = runs.size() == 1;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (alone) {
      add_noisy(runs[i].steps.accuracy, "train", 0, alone, 100, chart);
    } else {
      chart.series.push_back({"", i, Stroke::kFaint, scaled(runs[i].steps.accuracy.means(kMeans), 100)});
    }
    chart.series.push_back({name_in(runs[i], alone, alone ? "held out" : ""), alone ? 1 : i, Stroke::kLine,
                            scaled(runs[i].held_out.accuracy.samples(), 100), true});
  }
  return line_chart_twice(chart, Horizontal::kTokens, detail);
}

// A chart a run: its new layers over each other.
std::string layer_errors(const std::vector<Pretraining>& runs, const Detail& detail) {
  std::string html;
  for (const Pretraining& run : runs) {
    LineChart chart{
        .title = "Relative error of each new layer" + (runs.size() == 1 ? "" : ", " + run.run.label),
        .from_zero = true,
        .note = "Of each by itself, on what the teacher's reads."};
    for (const auto& [layer, errors] : run.held_out.layer_errors) {
      chart.series.push_back(
          {fmt::format("layer {}", layer), chart.series.size(), Stroke::kLine, errors.samples(), true});
    }
    html += line_chart_twice(chart, Horizontal::kTokens, detail);
  }
  return html;
}

std::string loss_figures(const std::vector<Pretraining>& runs, const Detail& detail) {
  return loss_chart(runs, detail) + accuracy_chart(runs, detail) +
         run_charts(runs, distillation_charts(), detail) + layer_errors(runs, detail);
}

// A column of the overview, for runs of one kind where the other has no such number.
struct OverviewColumn {
  const char* title;
  std::string (*text)(const Pretraining&);
};

const std::vector<OverviewColumn>& pretraining_columns() {
  static const std::vector<OverviewColumn> columns = {
      {"held-out loss", [](const Pretraining& r) { return fixed_text(last_value(r.held_out.loss), 4); }},
      {"lowest", [](const Pretraining& r) { return lowest_text(r.held_out.loss); }},
      {"accuracy", [](const Pretraining& r) { return percent_text(last_value(r.held_out.accuracy)); }},
      {"unigram", [](const Pretraining& r) { return fixed_text(last_value(r.held_out.unigram), 4); }},
  };
  return columns;
}

const std::vector<OverviewColumn>& distillation_columns() {
  static const std::vector<OverviewColumn> columns = {
      {"error", [](const Pretraining& r) { return fixed_text(last_value(r.held_out.hidden_error), 4); }},
      {"lowest error", [](const Pretraining& r) { return lowest_text(r.held_out.hidden_error); }},
      {"KL divergence",
       [](const Pretraining& r) { return fixed_text(last_value(r.held_out.kl_divergence), 4); }},
  };
  return columns;
}

bool any_distillation(const std::vector<Pretraining>& runs, bool wanted) {
  return std::any_of(runs.begin(), runs.end(),
                     [&](const Pretraining& r) { return r.distillation == wanted; });
}

std::string section_title(const std::vector<Pretraining>& runs) {
  const std::string title = !any_distillation(runs, true)    ? "Pretraining"
                            : !any_distillation(runs, false) ? "Distillation"
                                                             : "Pretraining and distillation";
  return runs.size() == 1 || any_distillation(runs, true) ? title : title + "s";
}

std::string overview_note(const std::vector<Pretraining>& runs) {
  std::string note = "Train loss: mean of the last hundredth of the lines. ";
  if (any_distillation(runs, false)) {
    note += "Losses of masked words in nats; held-out loss, accuracy: the last evaluation, by hard routing. ";
  }
  if (any_distillation(runs, true)) {
    note += "Error: relative, of the student's last hidden states at the last evaluation, by hard routing.";
  }
  return "<p class=\"note\">" + note + "</p>\n";
}

std::string pretraining_overview(const std::vector<Pretraining>& runs) {
  std::vector<OverviewColumn> scores;
  for (const bool distillation : {false, true}) {
    if (!any_distillation(runs, distillation)) continue;
    const std::vector<OverviewColumn>& more = distillation ? distillation_columns() : pretraining_columns();
    scores.insert(scores.end(), more.begin(), more.end());
  }
  Table table;
  table.header = {"run", "last line", "steps", "tokens", "wall time", "of its budget", "train loss"};
  for (const OverviewColumn& column : scores) table.header.emplace_back(column.title);
  table.header.insert(table.header.end(), {"tokens/s", "memory"});
  table.text_columns = 2;
  for (const Pretraining& run : runs) {
    const std::vector<Sample> loss = run.steps.loss.means(kMeans), speed = run.steps.tokens_per_s.means(1);
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {run.run.label,
           run.run.written.empty() ? "none yet" : run.run.written,
           std::to_string(run.step),
           number_text(run.tokens),
           duration_text(run.seconds),
           run.budget_used ? percent_text(*run.budget_used) : "-",
           loss.empty() ? "-" : fixed_text(loss.back().value, 4)};
    for (const OverviewColumn& column : scores) row.push_back(column.text(run));
    row.push_back(speed.empty() ? "-" : number_text(speed.front().value));
    row.push_back(run.steps.rss.empty() ? "-" : bytes_text(run.steps.rss.highest().value));
  }
  return table_html(table) + overview_note(runs);
}

}  // namespace

std::string pretraining_sections(const std::vector<Pretraining>& runs, const Detail& detail) {
  if (runs.empty()) return "";
  std::string notes;
  for (const Pretraining& run : runs) {
    notes += notes_html(run.run);
    if (run.step == 0) notes += remark_html(run.run.label + ": nothing is logged yet");
  }
  std::string html =
      section_html("pretraining", section_title(runs),
                   notes + pretraining_overview(runs) + (runs.size() > 1 ? equal_table_html(runs) : ""));
  const std::string losses = loss_figures(runs, detail);
  if (losses.empty()) return html;
  html += section_html("loss", any_distillation(runs, false) ? "Loss and accuracy" : "Loss and errors",
                       grid_html(losses));
  html += section_html("training", "Training", grid_html(run_charts(runs, step_charts(), detail)));
  return html + evaluations_section(runs, detail);
}

}  // namespace espalier::report
