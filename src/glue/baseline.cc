#include "glue/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/data/glue.h"
#include "espalier/data/glue_published.h"
#include "espalier/data/table_reader.h"
#include "espalier/metrics/paired_bootstrap.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

struct Side {
  fs::path run;
  const io::Json* results = nullptr;
};

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
                                           const data::GlueFile& file) {
  const std::string prefix = side.results->at("epoch") == "best" ? "predictions_best_dev" : "predictions_dev";
  std::vector<metrics::Predictions> seeds;
  for (const io::Json& run : side.results->at("tasks").at(task.name).at("runs")) {
    const fs::path folder = side.run / run.at("folder").get<std::string>();
    seeds.push_back(read_predictions(task, folder / (prefix + file.suffix + ".tsv")));
  }
  return seeds;
}

bool has_set(const io::Json& task, const std::string& split) {
  const io::Json& scores = task.at("scores");
  return std::any_of(scores.begin(), scores.end(),
                     [&](const io::Json& score) { return score.at("set") == split; });
}

// One for each dev file that both runs scored.
std::vector<metrics::PairedSet> sets_of(const data::GlueTask& task, const Side& own, const Side& baseline) {
  std::vector<metrics::PairedSet> sets;
  for (const data::GlueFile& file : task.dev_files()) {
    if (!has_set(own.results->at("tasks").at(task.name), file.split) ||
        !has_set(baseline.results->at("tasks").at(task.name), file.split)) {
      continue;
    }
    sets.push_back({task.metrics[0], seeds_of(own, task, file), seeds_of(baseline, task, file)});
  }
  return sets;
}

// In the scale of tables.
io::Json comparison(const config::GlueConfig& config, const std::vector<metrics::PairedSet>& sets,
                    std::vector<std::string> tasks) {
  metrics::PairedOptions options;
  options.resamples = static_cast<int>(std::max<std::int64_t>(config.recipe.bootstrap, 1000));
  const metrics::PairedDifference paired = metrics::paired_bootstrap(sets, options);
  const auto scaled = [](double value) { return io::finite_or_null(100 * value); };
  io::Json json;
  json["score"] = scaled(paired.first);
  json["baseline"] = scaled(paired.second);
  json["share"] = paired.second > 0 ? scaled(paired.first / paired.second / 100) : io::Json();
  json["difference"] = scaled(paired.difference);
  json["low"] = scaled(paired.interval.low);
  json["high"] = scaled(paired.interval.high);
  json["p_value"] = paired.p_value;
  json["tasks"] = std::move(tasks);
  return json;
}

// A task that both runs have.
struct Common {
  std::string name;
  std::vector<metrics::PairedSet> sets;
};

io::Json average(const config::GlueConfig& config, const std::vector<Common>& tasks, bool with_cola) {
  std::vector<metrics::PairedSet> sets;
  std::vector<std::string> names;
  for (const Common& task : tasks) {
    if (task.name == "wnli" || (task.name == "cola" && !with_cola)) continue;
    sets.insert(sets.end(), task.sets.begin(), task.sets.end());
    names.push_back(task.name);
  }
  if (names.empty()) return {};
  return comparison(config, sets, names);
}

}  // namespace

io::Json read_baseline(const config::GlueConfig& config) {
  const fs::path file = fs::path(config.baseline) / "results.json";
  if (!fs::exists(file)) {
    throw InputError(fmt::format("glue.baseline: {} holds no results.json of a GLUE run", config.baseline));
  }
  io::Json json = io::read_json(file);
  const io::JsonView view(json, file.string());
  const std::string epoch = view["epoch"].as_string();
  if (epoch != config::epoch_name(config.epoch)) {
    throw InputError(
        fmt::format("glue.baseline: {} reports the {} epoch, this run the {} one: set glue.epoch",
                    config.baseline, epoch, config::epoch_name(config.epoch)));
  }
  view["tasks"].expect_object();
  return json;
}

io::Json compare_with_baseline(const config::GlueConfig& config, const io::Json& results) {
  const io::Json other = read_baseline(config);
  const Side own{config.run, &results}, baseline{config.baseline, &other};
  io::Json json;
  json["run"] = config.baseline;
  json["model"] = other.at("model");
  json["tasks"] = io::Json::object();
  std::vector<Common> common;
  for (const auto& [name, task] : results.at("tasks").items()) {
    const auto twin = other.at("tasks").find(name);
    if (twin == other.at("tasks").end()) continue;
    if (!task.at("score").is_number() || !twin->at("score").is_number()) continue;
    Common both{name, sets_of(data::find_glue_task(name), own, baseline)};
    if (both.sets.empty()) continue;
    try {
      json["tasks"][name] = comparison(config, both.sets, {name});
    } catch (const InputError& error) {
      throw InputError(fmt::format("glue.baseline: {}: {}: {}", config.baseline, name, error.what()));
    }
    common.push_back(std::move(both));
  }
  json["without_cola"] = average(config, common, false);
  // Without CoLA there is no second average to tell from the first.
  const bool has_cola =
      std::any_of(common.begin(), common.end(), [](const Common& c) { return c.name == "cola"; });
  json["with_cola"] = has_cola ? average(config, common, true) : io::Json();
  return json;
}

}  // namespace espalier::glue
