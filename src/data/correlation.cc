// The metrics of regressions.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/data/metrics.h"

namespace espalier::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool is_constant(Values values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

bool is_finite(Values values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

// Why no correlation exists, or "".
std::string undefined_because(Values truth, Values predicted) {
  ESPALIER_CHECK(truth.size() == predicted.size());
  if (truth.size() < 2) return "a correlation needs at least two rows";
  if (!is_finite(truth) || !is_finite(predicted)) return "a value is not finite: no correlation is defined";
  if (is_constant(predicted)) return "every row was given the same value: no correlation is defined";
  if (is_constant(truth)) return "all true values are the same: no correlation is defined";
  return "";
}

// The values less their mean, divided by their norm, which is returned in `norm`.
std::vector<double> standardised(Values values, double& norm, double& mean) {
  mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  std::vector<double> result(values.begin(), values.end());
  double square = 0;
  for (double& value : result) {
    value -= mean;
    square += value * value;
  }
  norm = std::sqrt(square);
  for (double& value : result) value /= norm;
  return result;
}

MetricValue correlation(Values truth, Values predicted) {
  double truth_norm = 0, predicted_norm = 0, truth_mean = 0, predicted_mean = 0;
  const std::vector<double> x = standardised(truth, truth_norm, truth_mean);
  const std::vector<double> y = standardised(predicted, predicted_norm, predicted_mean);
  const double dot = std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  MetricValue result{std::clamp(dot, -1.0, 1.0), ""};
  // The threshold of scipy.stats.pearsonr: below it the digits of the difference from the mean are rounding.
  constexpr double kNearlyConstant = 1e-13;
  if (truth_norm < kNearlyConstant * std::abs(truth_mean) ||
      predicted_norm < kNearlyConstant * std::abs(predicted_mean)) {
    result.warning = "the values are nearly constant: their correlation is mostly rounding error";
  }
  return result;
}

// Ranks from 1; equal values share the mean of their ranks.
std::vector<double> ranks_of(Values values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
  }
  return ranks;
}

}  // namespace

MetricValue pearson(Values truth, Values predicted) {
  const std::string undefined = undefined_because(truth, predicted);
  if (!undefined.empty()) return {kNaN, undefined};
  return correlation(truth, predicted);
}

MetricValue spearman(Values truth, Values predicted) {
  const std::string undefined = undefined_because(truth, predicted);
  if (!undefined.empty()) return {kNaN, undefined};
  return correlation(ranks_of(truth), ranks_of(predicted));
}

MetricValue mean_squared_error(Values truth, Values predicted) {
  ESPALIER_CHECK(truth.size() == predicted.size());
  if (truth.empty()) return {kNaN, "there are no rows to score"};
  double sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double difference = predicted[i] - truth[i];
    sum += difference * difference;
  }
  return {sum / static_cast<double>(truth.size()), ""};
}

}  // namespace espalier::data
