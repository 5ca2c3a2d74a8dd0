// The report for a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "data/class_doubts.h"
#include "espalier/glue/glue.h"
#include "espalier/report/report.h"
#include "report/finetuning.h"
#include "report/glue_run.h"
#include "report/markup.h"
#include "report/pretraining.h"
#include "text/utf8.h"

namespace espalier::report {
namespace {

constexpr std::size_t kSparks = 48;

// Names from outside must not move the cursor.
std::string printable(const std::string& text) {
  std::string buffer;
  return data::visible_name(std::string(text::repair_utf8(text, buffer)));
}

// Bars from the lowest of the means to the highest, at equal distances over the progress of the whole run.
std::string sparkline(const Curve& curve, double whole) {
  static constexpr std::array<const char*, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::vector<Sample> means = curve.means(kSparks);
  const auto by_value = [](const Sample& a, const Sample& b) { return a.value < b.value; };
  const auto [low, high] = std::minmax_element(means.begin(), means.end(), by_value);
  const double width = high->value - low->value;
  std::string text;
  std::size_t next = 0;
  for (std::size_t i = 0; i < kSparks; ++i) {
    const double position = whole * (static_cast<double>(i) + 0.5) / kSparks;
    while (next + 1 < means.size() && means[next].progress < position) ++next;
    const double share = width > 0 ? (means[next].value - low->value) / width : 0.5;
    text += kBars[static_cast<std::size_t>(std::lround(share * 7))];
  }
  return text;
}

std::string curve_line(const std::string& name, const Curve& curve, double whole, double factor = 1) {
  if (curve.empty()) return "";
  const auto text = [&](const Sample& sample) { return number_text(sample.value * factor); };
  return fmt::format("  {:<20} {}  {} -> {}  (lowest {}, highest {})\n", name, sparkline(curve, whole),
                     text(curve.first()), text(curve.last()), text(curve.lowest()), text(curve.highest()));
}

std::string tree_lines(const Pretraining& run) {
  if (!run.has_trees()) return "";
  std::string text = "  at the last evaluation\n";
  for (const train::TreeScores& layer : run.evaluations.items().back().trees()) {
    double entropy = 0, undecided = 0;
    const auto levels = static_cast<double>(std::max<std::size_t>(layer.entropy.size(), 1));
    for (const double value : layer.entropy) entropy += value / levels;
    for (const double value : layer.undecided) undecided += value / levels;
    text += fmt::format(
        "  layer {:<3} leaves used {:>7}, largest {:>7}; decisions: entropy {:.3f}, undecided {:>7}\n",
        layer.layer, percent_text(layer.leaves_used), percent_text(layer.largest_leaf_share), entropy,
        percent_text(undecided));
  }
  return text;
}

std::string pretraining_text(const Pretraining& run) {
  std::string text =
      fmt::format("{}: {}, {} steps, {} tokens, {}{}\n", printable(run.run.path.string()),
                  run.distillation ? "distillation" : "pretraining", run.step, number_text(run.tokens),
                  duration_text(run.seconds),
                  run.budget_used ? ", " + percent_text(*run.budget_used) + " of its budget" : "");
  for (const std::string& note : run.run.notes) text += "  note: " + printable(note) + "\n";
  if (run.steps.loss.empty() && run.evaluations.items().empty()) return text + "  nothing is logged yet\n";
  text += curve_line("train loss", run.steps.loss, run.tokens);
  const std::string trees = tree_lines(run);
  text += curve_line(trees.empty() ? "held-out loss" : "held-out loss, hard", run.held_out.loss, run.tokens);
  text += curve_line("held-out loss, soft", run.held_out.soft, run.tokens);
  text += curve_line("hidden error", run.held_out.hidden_error, run.tokens);
  text += curve_line("KL divergence", run.held_out.kl_divergence, run.tokens);
  for (const auto& [layer, errors] : run.held_out.layer_errors)
    text += curve_line(fmt::format("error of layer {}", layer), errors, run.tokens);
  if (!run.held_out.unigram.empty()) {
    text += fmt::format("  {:<20} {}\n", "unigram loss", number_text(run.held_out.unigram.last().value));
  }
  text += curve_line("held-out accuracy, %", run.held_out.accuracy, run.tokens, 100);
  text += curve_line("hardening gap", run.held_out.gap, run.tokens);
  text += curve_line("learning rate", run.steps.learning_rate, run.tokens);
  text += curve_line("gradient norm", run.steps.grad_norm, run.tokens);
  text += curve_line("tokens/s", run.steps.tokens_per_s, run.tokens);
  text += curve_line("memory, GB", run.steps.rss, run.tokens, 1e-9);
  return text + trees;
}

std::string interval_of(const train::MetricScore& metric) {
  if (!metric.interval) return "";
  return fmt::format("  [{}, {}]", number_text(metric.interval->low), number_text(metric.interval->high));
}

std::string finetuning_text(const Finetuning& run) {
  std::string text =
      fmt::format("{}: fine-tuning on {}, {} steps, {:.2f} epochs, {}\n", printable(run.run.path.string()),
                  printable(run.task.name), run.step, run.epoch, duration_text(run.seconds));
  for (const std::string& note : run.run.notes) text += "  note: " + printable(note) + "\n";
  text += curve_line("train loss", run.loss, run.epoch);
  for (const MetricCurve& set : run.held_out_loss)
    text += curve_line("evaluation loss" + set.suffix, set.curve, run.epoch);
  for (const MetricCurve& set : run.metrics)
    text += curve_line(metric_title(set.name, set.suffix), set.curve, run.epoch);
  if (run.evaluations.items().empty()) return text + "  nothing is evaluated yet\n";
  for (const train::SetScores& set : run.evaluations.items().back().sets) {
    for (const train::MetricScore& metric : set.metrics) {
      text += fmt::format("  {:<20} {}{}\n", metric_title(metric.name, set.suffix), number_text(metric.value),
                          interval_of(metric));
    }
  }
  for (const PredictionSummary& summary : run.predictions) {
    if (summary.regression || summary.rows == 0) continue;
    text += fmt::format("  {} of {} rows are wrong\n", summary.wrong, summary.rows);
  }
  return text;
}

// Their table is that of `espalier glue`.
std::string glue_text(const GlueRun& run) {
  std::string text =
      fmt::format("{}: GLUE with {}\n", printable(run.run.path.string()), printable(run.model));
  for (const std::string& note : run.run.notes) text += "  note: " + printable(note) + "\n";
  if (run.results) return text + glue::glue_table(*run.results);
  for (const GlueTaskView& task : run.tasks) {
    text += fmt::format("  {:<8} {}\n", printable(task.title), task.score ? fixed_text(*task.score, 1) : "-");
  }
  return text;
}

}  // namespace

std::string text_report(const std::vector<std::filesystem::path>& runs) {
  std::string text;
  for (RunFolder& run : open_run_folders(runs)) {
    if (!text.empty()) text += "\n";
    switch (run.kind) {
      case RunKind::kPretraining:
        text += pretraining_text(read_pretraining(std::move(run)));
        break;
      case RunKind::kFinetuning:
        text += finetuning_text(read_finetuning(std::move(run)));
        break;
      case RunKind::kGlue:
        text += glue_text(read_glue_run(std::move(run)));
        break;
    }
  }
  return text;
}

}  // namespace espalier::report
