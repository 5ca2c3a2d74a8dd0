#include "glue/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "espalier/data/glue_published.h"
#include "espalier/metrics/paired_bootstrap.h"

namespace espalier::glue {
namespace {

double value_of(const io::Json& score) {
  const io::Json& value = score.at("value");
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

// The run in the middle, the lower of two; null values count as the smallest.
const io::Json* median_score(std::vector<const io::Json*> scores) {
  std::stable_sort(scores.begin(), scores.end(), [](const io::Json* a, const io::Json* b) {
    const double x = value_of(*a), y = value_of(*b);
    return std::isnan(x) ? !std::isnan(y) : x < y;
  });
  return scores[(scores.size() - 1) / 2];
}

io::Json spread_of(const std::vector<const io::Json*>& scores) {
  std::vector<double> values;
  for (const io::Json* score : scores) values.push_back(value_of(*score));
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const io::Json& middle = *median_score(scores);
  io::Json spread;
  spread["median"] = io::finite_or_null(metrics::median(values));
  spread["mean"] = io::finite_or_null(mean);
  spread["std"] = values.size() > 1
                      ? io::finite_or_null(std::sqrt(squares / static_cast<double>(values.size() - 1)))
                      : io::Json();
  spread["min"] = io::finite_or_null(*std::min_element(values.begin(), values.end()));
  spread["max"] = io::finite_or_null(*std::max_element(values.begin(), values.end()));
  spread["low"] = middle.at("low");
  spread["high"] = middle.at("high");
  return spread;
}

// Row `index` of the scores of each run at its last or best epoch.
std::vector<const io::Json*> scores_at(const std::vector<io::Json>& runs, const char* epoch,
                                       std::size_t index) {
  std::vector<const io::Json*> scores;
  for (const io::Json& run : runs) {
    scores.push_back(&run.at("epochs").at(run.at(epoch).get<std::size_t>()).at("scores").at(index));
  }
  return scores;
}

io::Json all_scores(const std::vector<io::Json>& runs) {
  io::Json result = io::Json::array();
  const io::Json& first = runs.front().at("epochs").at(0).at("scores");
  for (std::size_t i = 0; i < first.size(); ++i) {
    io::Json score;
    for (const char* key : {"set", "metric", "n"}) score[key] = first[i].at(key);
    for (const char* epoch : {"last", "best"}) score[epoch] = spread_of(scores_at(runs, epoch, i));
    result.push_back(std::move(score));
  }
  return result;
}

io::Json headline(const config::GlueConfig& config, const io::Json& scores) {
  const std::string metric = scores.at(0).at("metric").get<std::string>();
  double sum = 0;
  int count = 0;
  for (const io::Json& score : scores) {
    if (score.at("metric") != metric) continue;
    const io::Json& value = score.at(config::epoch_name(config.epoch)).at("median");
    if (!value.is_number()) return {};
    sum += 100 * value.get<double>();
    ++count;
  }
  return sum / count;
}

double mean_of(const std::vector<io::Json>& runs, const char* key) {
  double sum = 0;
  for (const io::Json& run : runs) sum += run.at(key).get<double>();
  return sum / static_cast<double>(runs.size());
}

double total_of(const std::vector<io::Json>& runs) {
  double sum = 0;
  for (const io::Json& run : runs)
    sum += run.at("seconds").get<double>() + run.at("eval_seconds").get<double>();
  return sum;
}

// What was said about degenerate scores at the reported epoch, with the number of seeds.
io::Json warnings_of(const config::GlueConfig& config, const std::vector<io::Json>& runs) {
  std::map<std::string, int> counts;
  for (const io::Json& run : runs) {
    const auto epoch = run.at(config::epoch_name(config.epoch)).get<std::size_t>();
    const io::Json& scores = run.at("epochs").at(epoch);
    if (!scores.contains("warnings")) continue;
    for (const io::Json& warning : scores.at("warnings")) ++counts[warning.get<std::string>()];
  }
  io::Json json = io::Json::array();
  for (const auto& [warning, count] : counts) {
    json.push_back(fmt::format("{} ({} of {} seeds)", warning, count, runs.size()));
  }
  return json;
}

io::Json sweep_json(const config::GlueConfig& config, const std::vector<io::Json>& sweep) {
  io::Json result = io::Json::array();
  for (const io::Json& run : sweep) {
    const auto epoch = run.at(config::epoch_name(config.epoch)).get<std::size_t>();
    const io::Json& score = run.at("epochs").at(epoch).at("scores").at(0);
    result.push_back({{"lr", run.at("lr")},
                      {"batch_size", run.at("batch_size")},
                      {"seed", run.at("seed")},
                      {"metric", score.at("metric")},
                      {"value", score.at("value")},
                      {"folder", run.at("folder")}});
  }
  return result;
}

io::Json averages(const io::Json& results) {
  const auto scores = column_scores(results);
  io::Json missing = io::Json::array();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!scores[i]) missing.push_back(data::glue_columns()[i].task);
  }
  io::Json json;
  for (const auto& [key, with_cola] : {std::pair("without_cola", false), std::pair("with_cola", true)}) {
    const std::optional<double> average = data::glue_average(scores, with_cola);
    json[key] = average ? io::Json(*average) : io::Json();
  }
  json["missing"] = std::move(missing);
  return json;
}

}  // namespace

io::Json task_summary(const config::GlueConfig& config, const GlueTaskResults& task) {
  io::Json json;
  json["title"] = task.plan->task->folder;
  json["metric"] = task.plan->task->metrics[0];
  io::Json scores = all_scores(task.runs);
  json["score"] = headline(config, scores);
  json["scores"] = std::move(scores);
  for (const char* key : {"train_rows", "lr", "batch_size"}) json[key] = task.runs.front().at(key);
  std::vector<io::Json> trained = task.runs;
  for (const io::Json& run : task.sweep) {
    const bool known = std::any_of(task.runs.begin(), task.runs.end(),
                                   [&](const io::Json& r) { return r.at("folder") == run.at("folder"); });
    if (!known) trained.push_back(run);
  }
  json["seconds"] = total_of(trained);
  json["tokens_per_second"] = mean_of(task.runs, "tokens_per_second");
  json["padding_share"] = mean_of(task.runs, "padding_share");
  json["warnings"] = warnings_of(config, task.runs);
  json["model"] = task.plan->task->folder + "/model.h5";
  json["tests"] = task.tests;
  json["runs"] = task.runs;
  json["sweep"] = sweep_json(config, task.sweep);
  return json;
}

std::vector<std::optional<double>> column_scores(const io::Json& results) {
  std::vector<std::optional<double>> scores;
  for (const data::GlueColumn& column : data::glue_columns()) {
    const io::Json& tasks = results.at("tasks");
    const auto task = tasks.find(column.task);
    const bool there = task != tasks.end() && task->at("score").is_number();
    scores.push_back(there ? std::optional(task->at("score").get<double>()) : std::nullopt);
  }
  return scores;
}

io::Json results_json(const config::GlueConfig& config, const GluePlan& plan, const io::Json& model,
                      const std::vector<GlueTaskResults>& tasks) {
  io::Json json;
  json["model"] = model;
  json["epoch"] = config::epoch_name(config.epoch);
  json["seeds"] = config.seeds;
  json["complete"] = tasks.size() == plan.tasks.size();
  json["tasks"] = io::Json::object();
  for (const GlueTaskResults& task : tasks) json["tasks"][task.plan->task->name] = task_summary(config, task);
  json["skipped"] = io::Json::object();
  for (const SkippedTask& task : plan.skipped) json["skipped"][task.name] = task.reason;
  json["average"] = averages(json);
  return json;
}

}  // namespace espalier::glue
