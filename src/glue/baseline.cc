#include "glue/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/joined.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/config/fields.h"
#include "espalier/data/glue.h"
#include "espalier/data/glue_published.h"
#include "espalier/data/table_reader.h"
#include "espalier/metrics/paired_bootstrap.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

struct Side {
  fs::path run;
  const ComparedTask& task;
};

ComparedTask compared(const GlueTaskScores& task) {
  ComparedTask result{task.score, {}, {}};
  for (const GlueSpreads& score : task.scores) result.scores.push_back({score.set});
  for (const GlueTraining& run : task.runs) result.runs.push_back({run.folder});
  return result;
}

metrics::Predictions read_predictions(const data::GlueTask& task, const fs::path& path) {
  data::TableReader reader(path, data::TableFormat::kTsv);
  const std::size_t truth = reader.column("label", "predictions"),
                    said = reader.column("prediction", "predictions");
  const data::LabelSet labels(task.labels);
  metrics::Predictions result;
  for (data::Row row; reader.next(row);) {
    for (const bool predicted : {false, true}) {
      const std::string text = reader.value(row, predicted ? said : truth);
      if (!task.regression) {
        const std::int32_t label = labels.find(text);
        if (label < 0) reader.fail(row.line, fmt::format("`{}` is no class of {}", text, task.folder));
        (predicted ? result.classes : result.true_classes).push_back(label);
        continue;
      }
      double value = 0;
      if (!data::parse_number(text, value)) reader.fail(row.line, fmt::format("`{}` is no number", text));
      // The labels tell whether the rows are the same. Ours are written in float32 (STS-B has one of
      // 2.33333333333333), other programs' need not be.
      if (predicted) {
        result.values.push_back(value);
      } else {
        result.true_values.push_back(static_cast<double>(static_cast<float>(value)));
      }
    }
  }
  return result;
}

// The predictions of all seeds on one dev file.
std::vector<metrics::Predictions> seeds_of(const Side& side, const data::GlueTask& task,
                                           const data::GlueFile& file, config::ReportedEpoch epoch) {
  const bool best = epoch == config::ReportedEpoch::kBest;
  const std::string prefix = best ? "predictions_best_dev" : "predictions_dev";
  std::vector<metrics::Predictions> seeds;
  for (const ComparedTraining& run : side.task.runs) {
    seeds.push_back(read_predictions(task, side.run / run.folder / (prefix + file.suffix + ".tsv")));
  }
  return seeds;
}

bool has_set(const ComparedTask& task, const std::string& split) {
  return std::any_of(task.scores.begin(), task.scores.end(),
                     [&](const ComparedSet& score) { return score.set == split; });
}

// One for each dev file that both runs scored.
std::vector<metrics::PairedSet> sets_of(const data::GlueTask& task, const Side& own, const Side& baseline,
                                        config::ReportedEpoch epoch) {
  std::vector<metrics::PairedSet> sets;
  for (const data::GlueFile& file : task.dev_files()) {
    if (!has_set(own.task, file.split) || !has_set(baseline.task, file.split)) continue;
    sets.push_back(
        {task.metrics[0], seeds_of(own, task, file, epoch), seeds_of(baseline, task, file, epoch)});
  }
  // In averages MNLI counts twice, as in the table, whichever of its two sets are there.
  for (metrics::PairedSet& set : sets)
    set.weight = static_cast<double>(task.dev_files().size()) / static_cast<double>(sets.size());
  return sets;
}

// In the scale of tables.
GlueComparison comparison(const config::GlueConfig& config, const std::vector<metrics::PairedSet>& sets,
                          std::vector<std::string> tasks) {
  metrics::PairedOptions options;
  options.resamples = static_cast<int>(std::max<std::int64_t>(config.recipe.bootstrap, 1000));
  const metrics::PairedDifference paired = metrics::paired_bootstrap(sets, options);
  if (paired.undefined * 20 > options.resamples) {
    log_warning(fmt::format(
        "glue.baseline: {}: of {} draws of rows and seeds {} have no value (constant predictions): interval "
        "and p are of the others alone",
        joined(tasks), options.resamples, paired.undefined));
  }
  GlueComparison result;
  result.score = 100 * paired.first;
  result.baseline = 100 * paired.second;
  if (paired.second > 0) result.share = paired.first / paired.second;
  result.difference = 100 * paired.difference;
  result.low = 100 * paired.interval.low;
  result.high = 100 * paired.interval.high;
  result.p_value = paired.p_value;
  result.tasks = std::move(tasks);
  return result;
}

// How the baseline was trained otherwise; nothing where another program made it.
std::vector<std::string> differing_settings(const config::GlueConfig& config) {
  const fs::path file = fs::path(config.baseline) / "config.yaml";
  std::vector<std::string> differences;
  if (!fs::exists(file)) return differences;
  const std::vector<config::Setting> there = config::read_yaml(file);
  for (const config::Setting& own : settings_of(config)) {
    const bool training = own.key.starts_with("train.") || own.key.starts_with("head.") ||
                          own.key.starts_with("routing.") || own.key == "glue.seeds";
    const auto other =
        std::find_if(there.begin(), there.end(), [&](const config::Setting& s) { return s.key == own.key; });
    if (!training || other == there.end() || setting_text(*other) == setting_text(own)) continue;
    differences.push_back(fmt::format("{}: {}, there {}", own.key, setting_text(own), setting_text(*other)));
  }
  return differences;
}

// A task that both runs have.
struct Common {
  std::string name;
  std::vector<metrics::PairedSet> sets;
};

std::optional<GlueComparison> average(const config::GlueConfig& config, const std::vector<Common>& tasks,
                                      bool with_cola) {
  std::vector<metrics::PairedSet> sets;
  std::vector<std::string> names;
  for (const Common& task : tasks) {
    if (task.name == "wnli" || (task.name == "cola" && !with_cola)) continue;
    sets.insert(sets.end(), task.sets.begin(), task.sets.end());
    names.push_back(task.name);
  }
  if (names.empty()) return std::nullopt;
  return comparison(config, sets, names);
}

}  // namespace

ComparedResults read_baseline(const config::GlueConfig& config) {
  const fs::path file = fs::path(config.baseline) / "results.json";
  if (!fs::exists(file)) {
    throw InputError(fmt::format("glue.baseline: {} holds no results.json of a GLUE run", config.baseline));
  }
  ComparedResults results = io::read_record<ComparedResults>(file);
  if (results.epoch != config.epoch) {
    throw InputError(
        fmt::format("glue.baseline: {} reports the {} epoch, this run the {} one: set glue.epoch",
                    config.baseline, config::epoch_name(results.epoch), config::epoch_name(config.epoch)));
  }
  return results;
}

GlueBaseline compare_with_baseline(const config::GlueConfig& config, const GlueResults& results) {
  const ComparedResults other = read_baseline(config);
  GlueBaseline baseline{config.baseline, other.model, differing_settings(config), {}, {}, {}};
  std::vector<Common> common;
  for (const auto& [name, task] : results.tasks) {
    const auto twin = std::find_if(other.tasks.begin(), other.tasks.end(),
                                   [&key = name](const auto& t) { return t.first == key; });
    if (twin == other.tasks.end()) continue;
    if (!std::isfinite(task.score) || !std::isfinite(twin->second.score)) {
      log_warning(fmt::format("glue.baseline: {} is left out of the comparison: its score is undefined in {}",
                              name, std::isfinite(task.score) ? config.baseline : config.run));
      continue;
    }
    const ComparedTask own = compared(task);
    Common both{name, sets_of(data::find_glue_task(name), {config.run, own}, {config.baseline, twin->second},
                              config.epoch)};
    if (both.sets.empty()) continue;
    try {
      baseline.tasks.emplace_back(name, comparison(config, both.sets, {name}));
    } catch (const InputError& error) {
      throw InputError(fmt::format("glue.baseline: {}: {}: {}", config.baseline, name, error.what()));
    }
    common.push_back(std::move(both));
  }
  baseline.without_cola = average(config, common, false);
  // Without CoLA there is no second average to tell from the first.
  const bool has_cola =
      std::any_of(common.begin(), common.end(), [](const Common& c) { return c.name == "cola"; });
  if (has_cola) baseline.with_cola = average(config, common, true);
  return baseline;
}

}  // namespace espalier::glue
