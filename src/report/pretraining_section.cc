// Losses, speed and what else one number a line says, of one pretraining or several.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "report/line_chart.h"
#include "report/markup.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

constexpr std::size_t kMeans = 100;  // of a curve that jumps from line to line

double scaled_last(const Curve& curve) {
  return curve.empty() ? std::numeric_limits<double>::quiet_NaN() : curve.last().value;
}

std::vector<Sample> scaled(std::vector<Sample> samples, double factor) {
  for (Sample& sample : samples) sample.value *= factor;
  return samples;
}

// Of a single run the samples faintly behind the means, of several the means alone.
void add_noisy(const Curve& curve, const std::string& name, int colour, bool alone, double factor,
               LineChart& chart) {
  const bool smooth = curve.count() > 2 * kMeans;
  if (smooth && alone) chart.series.push_back({"", colour, Stroke::kFaint, scaled(curve.samples(), factor)});
  chart.series.push_back({name.empty() ? (smooth ? "mean" : kOnly) : name, colour, Stroke::kLine,
                          scaled(smooth ? curve.means(kMeans) : curve.samples(), factor)});
}

using CurveOf = const Curve& (*)(const Pretraining&);

struct StepChart {
  const char* title;
  const char* unit;
  CurveOf curve;
  double factor = 1;
  bool noisy = false, logarithmic = false, from_zero = false;
};

const std::vector<StepChart>& step_charts() {
  static const std::vector<StepChart> charts = {
      {"Learning rate", "", [](const Pretraining& r) -> const Curve& { return r.steps.learning_rate; }, 1,
       false, false, true},
      {"Gradient norm, before clipping", "",
       [](const Pretraining& r) -> const Curve& { return r.steps.grad_norm; }, 1, true, true, false},
      {"Batch size", "sequences", [](const Pretraining& r) -> const Curve& { return r.steps.batch_size; }, 1,
       false, false, true},
      {"Speed of training", "tokens/s",
       [](const Pretraining& r) -> const Curve& { return r.steps.tokens_per_s; }, 1, true, false, true},
      {"Resident memory", "GB", [](const Pretraining& r) -> const Curve& { return r.steps.rss; }, 1e-9, false,
       false, true},
  };
  return charts;
}

std::string name_in(const Pretraining& run, bool alone, const std::string& what) {
  return alone ? what : run.run.label + (what.empty() ? "" : ", " + what);
}

std::string loss_chart(const std::vector<Pretraining>& runs) {
  LineChart chart{.title = "Loss of masked words", .unit = "nats"};
  const bool alone = runs.size() == 1;
  if (alone && runs[0].steps.loss.count() > 2 * kMeans)
    chart.note = "Train: each line of the log faintly, the mean of a hundredth of the run in bold.";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const EvaluationCurves& held_out = runs[i].held_out;
    const int own = static_cast<int>(i % 8);
    const auto add = [&](const std::string& what, int colour, Stroke stroke, const Curve& curve, bool dots) {
      chart.series.push_back(
          {name_in(runs[i], alone, what), alone ? colour : own, stroke, curve.samples(), dots});
    };
    if (alone) {
      add_noisy(runs[i].steps.loss, "train", 0, alone, 1, chart);
    } else {
      chart.series.push_back({"", own, Stroke::kFaint, runs[i].steps.loss.means(kMeans)});
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
  return line_chart_twice(chart, Horizontal::kTokens);
}

std::string accuracy_chart(const std::vector<Pretraining>& runs) {
  LineChart chart{.title = "Masked words predicted exactly", .unit = "%", .from_zero = true};
  const bool alone = runs.size() == 1;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const int own = static_cast<int>(i % 8);
    if (alone) {
      add_noisy(runs[i].steps.accuracy, "train", 0, alone, 100, chart);
    } else {
      chart.series.push_back({"", own, Stroke::kFaint, scaled(runs[i].steps.accuracy.means(kMeans), 100)});
    }
    chart.series.push_back({name_in(runs[i], alone, alone ? "held out" : ""), alone ? 1 : own, Stroke::kLine,
                            scaled(runs[i].held_out.accuracy.samples(), 100), true});
  }
  return line_chart_twice(chart, Horizontal::kTokens);
}

std::string distillation_chart(const std::vector<Pretraining>& runs, const std::string& title,
                               CurveOf curve) {
  LineChart chart{.title = title, .from_zero = true};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    chart.series.push_back({runs.size() == 1 ? kOnly : runs[i].run.label, static_cast<int>(i % 8),
                            Stroke::kLine, curve(runs[i]).samples(), true});
  }
  return line_chart_twice(chart, Horizontal::kTokens);
}

std::string step_chart_html(const std::vector<Pretraining>& runs, const StepChart& what) {
  LineChart chart{
      .title = what.title, .unit = what.unit, .logarithmic = what.logarithmic, .from_zero = what.from_zero};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Curve& curve = what.curve(runs[i]);
    const std::string name = name_in(runs[i], runs.size() == 1, "");
    if (what.noisy) {
      add_noisy(curve, name, static_cast<int>(i % 8), runs.size() == 1, what.factor, chart);
    } else {
      chart.series.push_back({name.empty() ? kOnly : name, static_cast<int>(i % 8), Stroke::kLine,
                              scaled(curve.samples(), what.factor)});
    }
  }
  return line_chart_twice(chart, Horizontal::kTokens);
}

std::string pretraining_overview(const std::vector<Pretraining>& runs) {
  Table table;
  table.header = {"run",           "last line",  "steps",         "tokens", "wall time",
                  "of its budget", "train loss", "held-out loss", "lowest", "accuracy",
                  "unigram",       "tokens/s",   "memory"};
  table.text_columns = 2;
  for (const Pretraining& run : runs) {
    const std::vector<Sample> loss = run.steps.loss.means(kMeans), speed = run.steps.tokens_per_s.means(1);
    const Curve& held_out = run.held_out.loss;
    table.rows.push_back(
        {run.run.label, run.run.written.empty() ? "none yet" : run.run.written, std::to_string(run.step),
         number_text(run.tokens), duration_text(run.seconds),
         run.budget_used ? percent_text(*run.budget_used) : "-",
         loss.empty() ? "-" : fixed_text(loss.back().value, 4), fixed_text(scaled_last(held_out), 4),
         held_out.empty() ? "-" : fixed_text(held_out.lowest().value, 4),
         percent_text(scaled_last(run.held_out.accuracy)), fixed_text(scaled_last(run.held_out.unigram), 4),
         speed.empty() ? "-" : number_text(speed.front().value),
         run.steps.rss.empty() ? "-" : bytes_text(run.steps.rss.highest().value)});
  }
  return table_html(table) +
         "<p class=\"note\">Losses in nats. Train loss: mean of the last hundredth of the lines. "
         "Held-out loss, accuracy: the last evaluation, by hard routing.</p>\n";
}

}  // namespace

std::string pretraining_sections(const std::vector<Pretraining>& runs) {
  if (runs.empty()) return "";
  std::string notes;
  for (const Pretraining& run : runs) {
    notes += notes_html(run.run);
    if (run.step == 0)
      notes += fmt::format("<p class=\"remark\">{}: nothing is logged yet</p>\n", escaped(run.run.label));
  }
  std::string html =
      section_html("pretraining", runs.size() == 1 ? "Pretraining" : "Pretrainings",
                   notes + pretraining_overview(runs) + (runs.size() > 1 ? equal_table_html(runs) : ""));
  std::string losses = loss_chart(runs) + accuracy_chart(runs);
  losses += distillation_chart(runs, "Relative error of the last hidden states",
                               [](const Pretraining& r) -> const Curve& { return r.held_out.hidden_error; });
  losses += distillation_chart(runs, "KL divergence of the predictions",
                               [](const Pretraining& r) -> const Curve& { return r.held_out.kl_divergence; });
  if (losses.empty()) return html;
  html += section_html("loss", "Loss and accuracy", "<div class=\"grid\">" + losses + "</div>\n");
  std::string steps;
  for (const StepChart& chart : step_charts()) steps += step_chart_html(runs, chart);
  html += section_html("training", "Training", "<div class=\"grid\">" + steps + "</div>\n");
  return html + evaluations_section(runs);
}

}  // namespace espalier::report
