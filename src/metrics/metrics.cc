#include "espalier/metrics/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/joined.h"
#include "espalier/base/error.h"

namespace espalier::metrics {
namespace {

struct Counts {
  double truth = 0, predicted = 0, both = 0;
};

std::map<std::int32_t, Counts> count_classes(Classes truth, Classes predicted) {
  ESPALIER_CHECK(truth.size() == predicted.size());
  std::map<std::int32_t, Counts> counts;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ++counts[truth[i]].truth;
    ++counts[predicted[i]].predicted;
    if (truth[i] == predicted[i]) ++counts[truth[i]].both;
  }
  return counts;
}

MetricValue no_rows() {
  return {std::numeric_limits<double>::quiet_NaN(), "there are no rows to score"};
}

bool one_class_only(const std::map<std::int32_t, Counts>& counts, double Counts::*side, double rows) {
  for (const auto& [label, count] : counts) {
    if (count.*side == rows) return true;
  }
  return false;
}

double f1_of(const Counts& counts) {
  const double denominator = counts.truth + counts.predicted;
  return denominator == 0 ? 0.0 : 2 * counts.both / denominator;
}

using ClassMetric = MetricValue (*)(Classes, Classes);
using ValueMetric = MetricValue (*)(Values, Values, Width);

struct NamedMetric {
  std::string name;
  ClassMetric of_classes = nullptr;
  ValueMetric of_values = nullptr;
};

const std::vector<NamedMetric>& all_metrics() {
  static const std::vector<NamedMetric> metrics = {
      {"accuracy", accuracy, nullptr},
      {"f1", f1, nullptr},
      {"f1_macro", f1_macro, nullptr},
      {"matthews_correlation", matthews_correlation, nullptr},
      {"pearson", nullptr, pearson},
      {"spearmanr", nullptr, spearman},
      {"mse", nullptr,
       [](Values truth, Values predicted, Width) { return mean_squared_error(truth, predicted); }},
  };
  return metrics;
}

}  // namespace

MetricValue accuracy(Classes truth, Classes predicted) {
  ESPALIER_CHECK(truth.size() == predicted.size());
  if (truth.empty()) return no_rows();
  double equal = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) equal += truth[i] == predicted[i] ? 1 : 0;
  return {equal / static_cast<double>(truth.size()), ""};
}

MetricValue matthews_correlation(Classes truth, Classes predicted) {
  if (truth.empty()) return no_rows();
  const auto counts = count_classes(truth, predicted);
  const auto rows = static_cast<double>(truth.size());
  // Every sum is a whole number below 2^53 for fewer than 90 million rows, hence exact.
  double both = 0, cross = 0, truth_square = 0, predicted_square = 0;
  for (const auto& [label, count] : counts) {
    both += count.both;
    cross += count.truth * count.predicted;
    truth_square += count.truth * count.truth;
    predicted_square += count.predicted * count.predicted;
  }
  const double truth_variance = rows * rows - truth_square;
  const double predicted_variance = rows * rows - predicted_square;
  if (predicted_variance == 0)
    return {0.0, "only one class was predicted: Matthews' correlation is set to 0"};
  if (truth_variance == 0) return {0.0, "the rows hold only one class: Matthews' correlation is set to 0"};
  return {(both * rows - cross) / std::sqrt(truth_variance * predicted_variance), ""};
}

MetricValue f1(Classes truth, Classes predicted) {
  if (truth.empty()) return no_rows();
  auto counts = count_classes(truth, predicted);
  const Counts positive = counts[1];
  std::string warning;
  if (positive.predicted == 0 && positive.truth == 0) {
    warning = "no row is positive in truth or prediction: F1 is set to 0";
  } else if (positive.predicted == 0) {
    warning = "no row was predicted positive: F1 is 0";
  } else if (positive.truth == 0) {
    warning = "no row is truly positive: F1 is 0";
  } else if (one_class_only(counts, &Counts::predicted, static_cast<double>(truth.size()))) {
    warning = "every row was predicted positive";
  }
  MetricValue result{f1_of(positive), warning};
  if (!warning.empty()) result.classes = {1};
  return result;
}

MetricValue f1_macro(Classes truth, Classes predicted) {
  if (truth.empty()) return no_rows();
  const auto counts = count_classes(truth, predicted);
  double sum = 0;
  std::vector<std::int32_t> never_predicted;
  for (const auto& [label, count] : counts) {
    sum += f1_of(count);
    if (count.predicted == 0) never_predicted.push_back(static_cast<std::int32_t>(label));
  }
  std::string warning;
  if (!never_predicted.empty()) {
    warning = never_predicted.size() == 1
                  ? std::string("a class was never predicted: its F1 is 0")
                  : fmt::format("{} classes were never predicted: their F1 is 0", never_predicted.size());
  }
  return {sum / static_cast<double>(counts.size()), warning, never_predicted};
}

MetricValue compute_metric(std::string_view name, const Predictions& predictions) {
  for (const NamedMetric& metric : all_metrics()) {
    if (metric.name != name) continue;
    return metric.of_classes != nullptr
               ? metric.of_classes(predictions.true_classes, predictions.classes)
               : metric.of_values(predictions.true_values, predictions.values, Width::kFloat32);
  }
  throw InputError(fmt::format("unknown metric `{}`; known: {}", name, joined(metric_names())));
}

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const NamedMetric& metric : all_metrics()) list.push_back(metric.name);
    return list;
  }();
  return names;
}

bool higher_is_better(std::string_view metric) {
  return metric != "mse";
}

}  // namespace espalier::metrics
