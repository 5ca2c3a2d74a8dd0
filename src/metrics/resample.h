// Rows drawn with replacement, and what is read off the scores of many draws.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/base/philox.h"
#include "espalier/metrics/interval.h"
#include "espalier/metrics/metrics.h"

namespace espalier::metrics {

// `count` draws from 0 .. count-1.
std::vector<std::uint32_t> draw_rows(const Philox& random, std::uint32_t count);
// The rows of `from`, in that order.
Predictions picked(const Predictions& from, const std::vector<std::uint32_t>& rows);
// Takes what is not finite out of `values` and sorts the rest; returns how many were taken out.
int sort_finite(std::vector<double>& values);
// The quantiles (1 - confidence) / 2 and (1 + confidence) / 2, interpolated linearly between the sorted
// values; NaN without values.
Interval percentile_interval(const std::vector<double>& sorted, double confidence);

}  // namespace espalier::metrics
