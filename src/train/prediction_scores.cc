#include "train/prediction_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/joined.h"
#include "data/class_doubts.h"
#include "espalier/metrics/interval.h"

namespace espalier::train {
namespace {

// " (`normal`)"; of many the first.
std::string names_of(const data::LabelSet& labels, const std::vector<std::int32_t>& classes) {
  const std::string names = listed(
      classes, 5, ", ", [&](std::int32_t one) { return "`" + data::visible_name(labels.name(one)) + "`"; });
  return names.empty() ? "" : " (" + names + ")";
}

// A share of resamples without a value from which on an interval says less than it seems: one in so many.
constexpr int kFewUndefined = 20;

// The only class that was predicted, where the rows have several.
std::optional<std::int32_t> only_class(const metrics::Predictions& p) {
  const auto constant = [](const std::vector<std::int32_t>& classes) {
    return std::all_of(classes.begin(), classes.end(),
                       [&](std::int32_t one) { return one == classes.front(); });
  };
  if (p.classes.empty() || !constant(p.classes) || constant(p.true_classes)) return std::nullopt;
  return p.classes.front();
}

}  // namespace

SetScores score_predictions(const metrics::Predictions& predictions, double loss,
                            const data::LabelSet& labels, const ScoreOptions& options,
                            std::vector<std::string>& warnings) {
  SetScores scores{.suffix = options.suffix, .loss = loss};
  const auto warn = [&](const std::string& metric, const std::string& text,
                        const std::vector<std::int32_t>& classes) {
    warnings.push_back(fmt::format("{}{}: {}{}", metric, options.suffix, text, names_of(labels, classes)));
  };
  const std::size_t before = warnings.size();
  for (const std::string& name : options.metrics) {
    const metrics::MetricValue metric = metrics::compute_metric(name, predictions);
    if (!metric.warning.empty()) warn(name, metric.warning, metric.classes);
    scores.metrics.push_back({name, metric.value, {}});
    if (options.resamples == 0) continue;
    const int resamples = static_cast<int>(options.resamples);
    metrics::BootstrapInterval interval =
        metrics::bootstrap_interval(name, predictions, {.resamples = resamples});
    if (std::isfinite(metric.value) && interval.undefined * kFewUndefined > resamples) {
      const bool most = interval.undefined * 2 > resamples;
      warn(name,
           fmt::format("of {} draws of as many rows {} have no value: its interval {}", resamples,
                       interval.undefined, most ? "is left out" : "is of the others alone"),
           {});
      if (most) interval.low = interval.high = std::numeric_limits<double>::quiet_NaN();
    }
    scores.metrics.back().interval = interval;
  }
  if (const auto only = only_class(predictions); only && warnings.size() == before)
    warn(options.metrics.at(0), "only one class was predicted", {*only});
  scores.samples = static_cast<std::int64_t>(std::max(predictions.classes.size(), predictions.values.size()));
  return scores;
}

}  // namespace espalier::train
