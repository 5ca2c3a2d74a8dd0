#include "espalier/data/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "data/resample.h"
#include "espalier/base/error.h"
#include "espalier/base/parallel.h"

namespace espalier::data {
namespace {

constexpr double kNormalQuantile = 1.959963984540054;  // of 0.975

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
      const Philox random(options.seed, RandomStream::kBootstrap, static_cast<std::uint64_t>(i));
      const Predictions sample = picked(predictions, draw_rows(random, static_cast<std::uint32_t>(rows)));
      scores[static_cast<std::size_t>(i)] = compute_metric(metric, sample).value;
    }
  });
  BootstrapInterval interval;
  interval.undefined = sort_finite(scores);
  static_cast<Interval&>(interval) = percentile_interval(scores, options.confidence);
  return interval;
}

}  // namespace espalier::data
