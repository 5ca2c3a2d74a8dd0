#include "train/metric_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "espalier/metrics/metrics.h"
#include "espalier/train/evaluator.h"
#include "model/metrics_history.h"

namespace espalier::train {
namespace {

double mean(const std::vector<double>& values) {
  return std::reduce(values.begin(), values.end()) /
         static_cast<double>(std::max<std::size_t>(values.size(), 1));
}

class Summary {
 public:
  void add(std::string tag, double value) {
    if (std::isfinite(value)) summary_.scalars.emplace_back(std::move(tag), value);
  }
  // A list belongs to a key of its own below.
  void add_number(std::string tag, const io::Json& value) {
    if (value.is_number()) add(std::move(tag), value.get<double>());
  }

  void add_interval(const std::string& tag, const io::Json& value) {
    add_number(tag + "/low", value.at(0));
    add_number(tag + "/high", value.at(1));
  }

  void add_layer_errors(const io::Json& layers, const io::Json& errors) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      add_number(fmt::format("eval/layer_errors/layer{}", layers.at(i).get<std::int64_t>()), errors.at(i));
    }
  }

  void add_trees(const std::string& layer, const TreeScores& trees) {
    const double leaves = std::exp2(static_cast<double>(trees.entropy.size()));
    add(layer + "dead_fraction", 1 - trees.leaves_used);
    add(layer + "max_load", trees.largest_leaf_share);
    add(layer + "leaf_diversity", mean(trees.leaf_perplexity) / leaves);
    add(layer + "routing_entropy", mean(trees.entropy));
    add(layer + "undecided_fraction", mean(trees.undecided));
    for (std::size_t level = 0; level < trees.entropy.size(); ++level) {
      const std::string name = fmt::format("{}level{}/", layer, level);
      add(name + "routing_entropy", trees.entropy[level]);
      add(name + "undecided_fraction", trees.undecided[level]);
    }
    for (std::size_t tree = 0; tree < trees.visits.size(); ++tree) {
      add_load(fmt::format("{}tree{}/load", layer, tree), leaves, trees.visits[tree]);
    }
  }

  io::EventSummary take(std::int64_t step) {
    summary_.step = step;
    return std::move(summary_);
  }

 private:
  void add_load(std::string tag, double leaves, const std::vector<std::int64_t>& visits) {
    io::EventHistogram load{std::move(tag), 0, {}, {}};
    for (std::size_t i = 0; i < visits.size(); ++i) {
      load.limits.push_back(leaves * static_cast<double>(i + 1) / static_cast<double>(visits.size()));
      load.counts.push_back(static_cast<double>(visits[i]));
    }
    summary_.histograms.push_back(std::move(load));
  }

  io::EventSummary summary_;
};

void add_evaluation(const io::Json& line, Summary& summary) {
  constexpr std::string_view prefix = metrics::kEvaluationPrefix;
  for (const auto& [key, value] : line.items()) {
    if (!key.starts_with(prefix)) continue;
    const std::string tag = "eval/" + key.substr(prefix.size());
    if (key.ends_with("_interval") && value.is_array()) {
      summary.add_interval(tag, value);
    } else if (key == "eval_layer_errors") {
      summary.add_layer_errors(line.at("eval_layers"), value);
    } else if (key == "eval_routing") {
      for (const io::Json& layer : value) {
        const auto trees = io::from_json<TreeScores>(io::JsonView(layer, "metrics.jsonl"));
        summary.add_trees(fmt::format("routing/layer{}/", trees.layer), trees);
      }
    } else {
      summary.add_number(tag, value);
    }
  }
}

io::Hyperparameter value_of(const config::Setting& setting) {
  const std::string text = config::setting_text(setting);
  if (setting.is_list || setting.kind == config::Kind::kText) return text;
  if (setting.kind == config::Kind::kTruth) return text == "true";
  return io::parse_json(text, setting.key).get<double>();
}

}  // namespace

io::EventSummary summary_of(const io::Json& line) {
  Summary summary;
  if (model::is_evaluation(line)) {
    // Its other keys repeat what the lines of steps say.
    add_evaluation(line, summary);
  } else {
    for (const auto& [key, value] : line.items()) {
      if (key != "step") summary.add_number("train/" + key, value);
    }
  }
  return summary.take(line.at("step").get<std::int64_t>());
}

io::Hyperparameters hyperparameters_of(const std::vector<config::Setting>& settings,
                                       const config::ResumeRules& rules) {
  io::Hyperparameters parameters;
  for (const config::Setting& setting : settings) {
    if (rules(setting.key) != config::ResumeRule::kFree)
      parameters.emplace_back(setting.key, value_of(setting));
  }
  return parameters;
}

}  // namespace espalier::train
