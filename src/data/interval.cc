#include "espalier/data/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"

namespace espalier::data {
namespace {

constexpr double kNormalQuantile = 1.959963984540054;  // of 0.975

template <class Element>
std::vector<Element> picked(const std::vector<Element>& from, const std::vector<std::uint32_t>& rows) {
  std::vector<Element> result;
  if (from.empty()) return result;
  result.reserve(rows.size());
  for (const std::uint32_t row : rows) result.push_back(from[row]);
  return result;
}

std::vector<std::uint32_t> draw_rows(std::uint64_t seed, std::uint64_t resample, std::uint32_t count) {
  const Philox random(seed, RandomStream::kBootstrap, resample);
  std::vector<std::uint32_t> rows;
  rows.reserve(count + 4);
  for (std::uint64_t index = 0; rows.size() < count; ++index) {
    for (const std::uint32_t word : random.words(index)) {
      rows.push_back(static_cast<std::uint32_t>((static_cast<std::uint64_t>(word) * count) >> 32));
    }
  }
  rows.resize(count);
  return rows;
}

// `sorted` is not empty; 0 <= level <= 1.
double quantile(const std::vector<double>& sorted, double level) {
  const double position = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Interval wilson_interval(std::int64_t successes, std::int64_t rows) {
  ESPALIER_CHECK(0 <= successes && successes <= rows);
  if (rows == 0) return {0, 1};
  const auto n = static_cast<double>(rows);
  const double share = static_cast<double>(successes) / n;
  const double square = kNormalQuantile * kNormalQuantile;
  const double centre = (share + square / (2 * n)) / (1 + square / n);
  const double half =
      kNormalQuantile / (1 + square / n) * std::sqrt(share * (1 - share) / n + square / (4 * n * n));
  // Rounding must not leave [0, 1], nor miss the ends that are exact.
  return {successes == 0 ? 0 : std::max(0.0, centre - half),
          successes == rows ? 1 : std::min(1.0, centre + half)};
}

BootstrapInterval bootstrap_interval(std::string_view metric, const Predictions& predictions,
                                     const BootstrapOptions& options) {
  const std::size_t rows = std::max(predictions.true_classes.size(), predictions.true_values.size());
  ESPALIER_CHECK(options.resamples >= 1 && rows < std::numeric_limits<std::uint32_t>::max());
  std::vector<double> scores(static_cast<std::size_t>(options.resamples));
  parallel_for(options.resamples, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto drawn =
          draw_rows(options.seed, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(rows));
      const Predictions sample{picked(predictions.true_classes, drawn), picked(predictions.classes, drawn),
                               picked(predictions.true_values, drawn), picked(predictions.values, drawn)};
      scores[static_cast<std::size_t>(i)] = compute_metric(metric, sample).value;
    }
  });
  const auto undefined =
      std::partition(scores.begin(), scores.end(), [](double s) { return !std::isnan(s); });
  BootstrapInterval interval;
  interval.undefined = static_cast<int>(scores.end() - undefined);
  scores.erase(undefined, scores.end());
  std::sort(scores.begin(), scores.end());
  if (scores.empty()) {
    interval.low = interval.high = std::numeric_limits<double>::quiet_NaN();
    return interval;
  }
  interval.low = quantile(scores, (1 - options.confidence) / 2);
  interval.high = quantile(scores, (1 + options.confidence) / 2);
  return interval;
}

}  // namespace espalier::data
