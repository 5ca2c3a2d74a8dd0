// What the evaluations of a pretraining measured of its trees, over its time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>

#include "report/heat_map.h"
#include "report/markup.h"
#include "report/run_chart.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

// Of the heat maps of one kind, of all runs together: what a page of three megabytes has room for.
constexpr std::size_t kCells = 5000;

using LevelsOf = const std::vector<double>& (*)(const train::TreeScores&);
using ValueOf = double (*)(const train::TreeScores&);

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// Nothing of a layer that an evaluation does not have: a file may be of anybody.
template <class Value>
double value_in(const TimedEvaluation& evaluation, std::size_t layer, const Value& value) {
  return layer < evaluation.trees().size() ? value(evaluation.trees()[layer]) : kNothing;
}

double leaves_of(const train::TreeScores& layer) {
  return std::exp2(static_cast<double>(layer.entropy.size()));
}

double mean_perplexity(const train::TreeScores& layer) {
  const std::vector<double>& all = layer.leaf_perplexity;
  return all.empty() ? 0 : std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

// The room of heat maps: cells of each, and columns that there are at least.
struct Room {
  std::size_t cells, columns;
};

std::vector<const TimedEvaluation*> drawn(const Pretraining& run, std::size_t rows, const Room& room) {
  std::vector<const TimedEvaluation*> evaluations;
  const std::vector<TimedEvaluation>& all = run.evaluations.items();
  for (const std::size_t i : drawn_columns(all.size(), rows, room.cells, room.columns))
    evaluations.push_back(&all[i]);
  return evaluations;
}

std::vector<double> tokens_of(const std::vector<const TimedEvaluation*>& evaluations) {
  std::vector<double> tokens;
  for (const TimedEvaluation* evaluation : evaluations) tokens.push_back(evaluation->tokens);
  return tokens;
}

// A panel a layer, a row a level.
std::string level_map(const Pretraining& run, HeatMap map, LevelsOf levels_of, const Room& room) {
  const std::vector<train::TreeScores>& last = run.evaluations.items().back().trees();
  std::size_t rows = 0;
  for (const train::TreeScores& layer : last) rows += layer.entropy.size();
  const auto evaluations = drawn(run, rows, room);
  map.tokens = tokens_of(evaluations);
  for (std::size_t layer = 0; layer < last.size(); ++layer) {
    HeatPanel panel{fmt::format("layer {}", last[layer].layer), {}, {}};
    for (std::size_t level = 0; level < last[layer].entropy.size(); ++level) {
      panel.row_names.push_back(fmt::format("level {}", level));
      std::vector<double>& row = panel.rows.emplace_back();
      for (const TimedEvaluation* evaluation : evaluations) {
        row.push_back(value_in(*evaluation, layer, [&](const train::TreeScores& scores) {
          const std::vector<double>& levels = levels_of(scores);
          return level < levels.size() ? levels[level] : kNothing;
        }));
      }
    }
    map.panels.push_back(std::move(panel));
  }
  return heat_map_html(map);
}

// A row a layer.
std::string layer_map(const Pretraining& run, HeatMap map, ValueOf value_of, const Room& room) {
  const std::vector<train::TreeScores>& last = run.evaluations.items().back().trees();
  const auto evaluations = drawn(run, last.size(), {room.cells / 4, room.columns});
  map.tokens = tokens_of(evaluations);
  for (std::size_t layer = 0; layer < last.size(); ++layer) {
    HeatPanel panel{fmt::format("layer {}", last[layer].layer), {""}, {{}}};
    for (const TimedEvaluation* evaluation : evaluations) {
      panel.rows[0].push_back(value_in(*evaluation, layer, value_of));
    }
    map.panels.push_back(std::move(panel));
  }
  return heat_map_html(map);
}

double most_undecided(const Pretraining& run) {
  double most = 0.05;
  for (const TimedEvaluation& evaluation : run.evaluations.items()) {
    for (const train::TreeScores& layer : evaluation.trees()) {
      for (const double share : layer.undecided) most = std::max(most, share);
    }
  }
  return most;
}

double evenness(const train::TreeScores& layer) {
  return mean_perplexity(layer) / leaves_of(layer);
}

double most_even(const Pretraining& run) {
  double most = 0.05;
  for (const TimedEvaluation& evaluation : run.evaluations.items()) {
    for (const train::TreeScores& layer : evaluation.trees()) most = std::max(most, evenness(layer));
  }
  return most;
}

std::string heat_maps(const Pretraining& run, const Room& room) {
  std::string html = level_map(
      run,
      {.title = "Entropy of decisions",
       .unit = "nats",
       .most = std::numbers::ln2,
       .note = "Mean over the decisions of a level, at the evaluation's temperature; from the root above. 0: "
               "all are "
               "sure; 0.693: a coin is thrown."},
      [](const train::TreeScores& s) -> const std::vector<double>& { return s.entropy; }, room);
  html += level_map(
      run,
      {.title = "Undecided share of decisions",
       .most = most_undecided(run),
       .percent = true,
       .note = "Decisions whose probability is between 0.4 and 0.6."},
      [](const train::TreeScores& s) -> const std::vector<double>& { return s.undecided; }, room);
  html += layer_map(
      run,
      {.title = "Leaves used", .percent = true, .note = "Share that at least one held-out token reaches."},
      [](const train::TreeScores& s) { return s.leaves_used; }, room);
  html += layer_map(run,
                    {.title = "Leaf perplexity, of all leaves",
                     .most = most_even(run),
                     .percent = true,
                     .note = "How many leaves would be as evenly used, by their number; mean over trees."},
                    evenness, room);
  html += layer_map(
      run,
      {.title = "Largest share of one leaf",
       .percent = true,
       .note = "Of the tokens; 100 %: a tree has collapsed."},
      [](const train::TreeScores& s) { return s.largest_leaf_share; }, room);
  return html;
}

std::string layers_table(const Pretraining& run) {
  Table table{{"layer", "trees", "leaves of each", "leaves used", "dead leaves", "leaf perplexity",
               "least, of a tree", "largest leaf", "entropy", "undecided"},
              {}};
  for (const train::TreeScores& s : run.evaluations.items().back().trees()) {
    const double leaves = leaves_of(s), trees = static_cast<double>(s.leaf_perplexity.size());
    const auto mean = [](const std::vector<double>& v) {
      return v.empty() ? 0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
    };
    const double least =
        s.leaf_perplexity.empty() ? 0 : *std::min_element(s.leaf_perplexity.begin(), s.leaf_perplexity.end());
    table.rows.push_back({fmt::format("layer {}", s.layer), fixed_text(trees, 0), fixed_text(leaves, 0),
                          percent_text(s.leaves_used), fixed_text((1 - s.leaves_used) * leaves * trees, 0),
                          fixed_text(mean_perplexity(s), 1), fixed_text(least, 1),
                          percent_text(s.largest_leaf_share), fixed_text(mean(s.entropy), 3),
                          percent_text(mean(s.undecided))});
  }
  return table_html(table);
}

const std::vector<RunChart<Pretraining>>& anneal_charts() {
  static const std::vector<RunChart<Pretraining>> charts = {
      {.chart = {.title = "Hardening gap",
                 .unit = "nats",
                 .from_zero = true,
                 .note = "Held-out loss of hard routing less that of the mixture."},
       .curve = [](const Pretraining& r) -> const Curve& { return r.held_out.gap; }},
      {.chart = {.title = "Temperature of decisions", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.temperature; }},
      {.chart = {.title = "Nodes that survive pruning",
                 .from_zero = true,
                 .note = "Of a token in a layer, mean over layers; a hard tree needs its depth + 1."},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.surviving_nodes; }},
      {.chart = {.title = "Probability dropped by pruning", .unit = "%", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.dropped_mass; },
       .factor = 100},
      {.chart = {.title = "Entropy of the mixture", .unit = "nats", .from_zero = true},
       .curve = [](const Pretraining& r) -> const Curve& { return r.steps.entropy; }},
  };
  return charts;
}

}  // namespace

std::string tree_sections(const std::vector<Pretraining>& runs, const Detail& detail) {
  const auto with_trees = static_cast<std::size_t>(
      std::count_if(runs.begin(), runs.end(), [](const Pretraining& run) { return run.has_trees(); }));
  std::string anneal, html;
  for (const RunChart<Pretraining>& chart : anneal_charts())
    anneal += run_chart_html(chart, runs, Horizontal::kTokens, detail);
  if (!anneal.empty()) html += section_html("anneal", "From soft to hard", grid_html(anneal));
  if (with_trees == 0) return html;
  const Room room{detail.of(kCells) / with_trees, detail.of(8, 2)};
  std::string body;
  for (const Pretraining& run : runs) {
    if (!run.has_trees()) continue;
    const std::string title = with_trees > 1 ? fmt::format("<h3>{}</h3>\n", escaped(run.run.label)) : "";
    body += title + grid_html(heat_maps(run, room)) + "<h3>At the last evaluation</h3>\n" + layers_table(run);
  }
  return html + section_html("trees", "Trees", body);
}

}  // namespace espalier::report
