// Intervals that say how far a score could be from the one on all possible rows.
#pragma once

#include <cstdint>
#include <string_view>

#include "espalier/metrics/metrics.h"

namespace espalier::metrics {

struct Interval {
  double low = 0, high = 0;
};

struct BootstrapOptions {
  int resamples = 1000;
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

struct BootstrapInterval : Interval {
  // Resamples on which the metric is not defined (a constant sample has no correlation); left out.
  int undefined = 0;
};

// Percentile bootstrap: rows drawn with replacement, quantiles interpolated linearly between order
// statistics. A pure function of its arguments for any number of threads. NaN where no resample has a value.
BootstrapInterval bootstrap_interval(std::string_view metric, const Predictions& predictions,
                                     const BootstrapOptions& options = {});

}  // namespace espalier::metrics
