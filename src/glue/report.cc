// results.json for people: the table on standard output.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "espalier/base/progress.h"
#include "espalier/data/glue_published.h"
#include "espalier/glue/glue.h"
#include "glue/report.h"

namespace espalier::glue {
namespace {

// "12.3", or a dash.
std::string percent(const io::Json& value) {
  return value.is_number() ? tenths(100 * value.get<double>()) : "-";
}

std::string metric_title(const std::string& metric) {
  if (metric == "matthews_correlation") return "Matthews";
  if (metric == "f1") return "F1";
  if (metric == "pearson") return "Pearson";
  if (metric == "spearmanr") return "Spearman";
  return metric;
}

std::string set_title(const std::string& title, const std::string& set) {
  if (set == "dev_matched") return title + "-m";
  if (set == "dev_mismatched") return title + "-mm";
  return title;
}

std::string interval_text(const io::Json& low, const io::Json& high) {
  return low.is_number() && high.is_number() ? fmt::format("[{}, {}]", percent(low), percent(high)) : "-";
}

// The rows of one task: what is said once, about its training, stands in the first.
std::string task_rows(const io::Json& results, const io::Json& task) {
  const std::string epoch = results.at("epoch").get<std::string>();
  const std::string other = epoch == "last" ? "best" : "last";
  std::string text;
  for (const io::Json& score : task.at("scores")) {
    const io::Json& spread = score.at(epoch);
    std::string row =
        fmt::format("{:<8} {:<9} {:>7} {:>7} {:>7}  {:<15} {:>10} {:>6}",
                    set_title(task.at("title").get<std::string>(), score.at("set").get<std::string>()),
                    metric_title(score.at("metric").get<std::string>()), percent(spread.at("median")),
                    percent(spread.at("min")), percent(spread.at("max")),
                    interval_text(spread.at("low"), spread.at("high")), percent(score.at(other).at("median")),
                    score.at("n").get<std::int64_t>());
    if (text.empty()) {
      row += fmt::format(" {:>7} {:>5} {:>8} {:>9.0f} {:>7.1f} %", task.at("train_rows").get<std::int64_t>(),
                         task.at("runs").size(), clock_text(task.at("seconds").get<double>()),
                         task.at("tokens_per_second").get<double>(),
                         100 * task.at("padding_share").get<double>());
    }
    text += row + "\n";
  }
  return text;
}

std::string average_text(const io::Json& average) {
  const io::Json &without = average.at("without_cola"), &with = average.at("with_cola");
  std::string text = "Average, WNLI left out and MNLI counted twice as in the published one: ";
  text += without.is_number() ? tenths(without.get<double>()) + " without CoLA, " : "none";
  if (without.is_number()) {
    text += with.is_number() ? tenths(with.get<double>()) + " with CoLA" : "none with CoLA";
  }
  std::string missing;
  for (const io::Json& task : average.at("missing")) {
    missing += (missing.empty() ? " (missing: " : ", ") + task.get<std::string>();
  }
  return text + (missing.empty() ? "" : missing + ")") + "\n";
}

std::string comparison_row(const std::string& name, const io::Json& json) {
  if (json.is_null()) return "";
  const auto number = [&](const char* key) {
    return json.at(key).is_number() ? tenths(json.at(key).get<double>()) : std::string("-");
  };
  return fmt::format(
      "{:<14} {:>7} {:>9} {:>8} {:>11}  {:<15} {:>6.3f}\n", name, number("score"), number("baseline"),
      json.at("share").is_number() ? percent(json.at("share")) + " %" : "-", number("difference"),
      fmt::format("[{}, {}]", number("low"), number("high")), json.at("p_value").get<double>());
}

}  // namespace

std::string tenths(double value) {
  // No minus before a rounded zero.
  return fmt::format("{:.1f}", std::abs(value) < 0.05 ? 0.0 : value);
}

std::string seeds_text(const io::Json& results) {
  std::size_t least = 0, most = 0;
  for (const auto& [name, task] : results.at("tasks").items()) {
    const std::size_t seeds = task.at("runs").size();
    least = least == 0 ? seeds : std::min(least, seeds);
    most = std::max(most, seeds);
  }
  return least == most ? fmt::format("{} seed{}", most, most == 1 ? "" : "s")
                       : fmt::format("{} to {} seeds", least, most);
}

std::string baseline_text(const io::Json& baseline) {
  std::string text = fmt::format(
      "Beside {} (paired bootstrap over dev rows and seeds; the averages are of the tasks that both have)\n"
      "{:<14} {:>7} {:>9} {:>8} {:>11}  {:<15} {:>6}\n",
      baseline.at("run").get<std::string>(), "task", "this", "baseline", "kept", "difference",
      "95 % interval", "p");
  for (const auto& [name, task] : baseline.at("tasks").items()) text += comparison_row(name, task);
  text += comparison_row("without CoLA", baseline.at("without_cola"));
  return text + comparison_row("with CoLA", baseline.at("with_cola"));
}

std::string model_text(const io::Json& model) {
  return fmt::format("{} ({} layers, d {}, {})", model.at("path").get<std::string>(),
                     model.at("layers").get<std::int64_t>(), model.at("hidden_size").get<std::int64_t>(),
                     model.at("feed_forward").get<std::string>());
}

std::string glue_table(const io::Json& results) {
  const std::string epoch = results.at("epoch").get<std::string>();
  std::string text = fmt::format(
      "GLUE dev of {}, {} epoch, median of {}; 95 % interval (bootstrap) of the seed in the middle\n\n"
      "{:<8} {:<9} {:>7} {:>7} {:>7}  {:<15} {:>10} {:>6} {:>7} {:>5} {:>8} {:>9} {:>9}\n",
      model_text(results.at("model")), epoch, seeds_text(results), "task", "metric", "median", "min", "max",
      "95 % interval", epoch == "last" ? "best epoch" : "last epoch", "rows", "train", "seeds", "time",
      "tokens/s", "padding");
  for (const auto& [name, task] : results.at("tasks").items()) text += task_rows(results, task);
  for (const auto& [name, reason] : results.at("skipped").items()) {
    text += fmt::format("{:<8} skipped: {}\n", name, reason.get<std::string>());
  }
  for (const auto& [name, task] : results.at("tasks").items()) {
    for (const io::Json& warning : task.at("warnings")) {
      text += fmt::format("{}: {}\n", task.at("title").get<std::string>(), warning.get<std::string>());
    }
  }
  text += "\n" + average_text(results.at("average"));
  if (results.contains("baseline")) text += "\n" + baseline_text(results.at("baseline"));
  return text;
}

}  // namespace espalier::glue
