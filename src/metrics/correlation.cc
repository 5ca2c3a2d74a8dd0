// The metrics of regressions.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/metrics/metrics.h"

namespace espalier::metrics {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool is_finite(Values values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

// eps^(3/4) of the width that the values were computed in.
double nearly_constant(Width width) {
  return std::pow(width == Width::kFloat32 ? static_cast<double>(std::numeric_limits<float>::epsilon())
                                           : std::numeric_limits<double>::epsilon(),
                  0.75);
}

double largest_of(Values values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// Values less their mean; both as parts of the largest value where their squares leave the range of doubles.
struct Centred {
  std::vector<double> values;
  double mean = 0, norm = 0;

  explicit Centred(Values from) : values(from.begin(), from.end()) {
    if (centre()) return;
    const double largest = largest_of(from);
    std::transform(from.begin(), from.end(), values.begin(), [&](double value) { return value / largest; });
    centre();
  }

  // Whether the norm has all its digits.
  bool centre() {
    mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    for (double& value : values) value -= mean;
    const double squares = std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
    norm = std::sqrt(squares);
    return std::isnormal(squares);
  }
};

bool is_constant(Values values, Width width) {
  if (std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; }))
    return true;
  const Centred centred(values);
  return centred.norm / std::sqrt(static_cast<double>(values.size())) <
         nearly_constant(width) * std::abs(centred.mean);
}

// Why no correlation exists, or "".
std::string undefined_because(Values truth, Values predicted, Width width) {
  ESPALIER_CHECK(truth.size() == predicted.size());
  if (truth.size() < 2) return "a correlation needs at least two rows";
  if (!is_finite(truth) || !is_finite(predicted)) return "a value is not finite: no correlation is defined";
  if (is_constant(predicted, width)) {
    return "every row was given the same value, up to rounding: no correlation is defined";
  }
  if (is_constant(truth, Width::kFloat64)) {
    return "all true values are the same, up to rounding: no correlation is defined";
  }
  return "";
}

MetricValue correlation(Values truth, Values predicted) {
  Centred x(truth), y(predicted);
  for (double& value : x.values) value /= x.norm;
  for (double& value : y.values) value /= y.norm;
  const double dot = std::inner_product(x.values.begin(), x.values.end(), y.values.begin(), 0.0);
  return {std::clamp(dot, -1.0, 1.0), ""};
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

MetricValue pearson(Values truth, Values predicted, Width width) {
  const std::string undefined = undefined_because(truth, predicted, width);
  if (!undefined.empty()) return {kNaN, undefined};
  return correlation(truth, predicted);
}

MetricValue spearman(Values truth, Values predicted, Width width) {
  const std::string undefined = undefined_because(truth, predicted, width);
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

}  // namespace espalier::metrics
