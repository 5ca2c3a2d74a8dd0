// Clocks and the statistics of repeated measurements.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "espalier/base/parallel.h"
#include "espalier/io/json.h"

namespace espalier::bench {

// Of the steady clock.
double now_seconds();

// 0 of none.
double median(std::vector<double> values);
// (largest - smallest) / median: how far rounds lie apart.
double spread(const std::vector<double>& values);
// Median of a[i] / b[i]: what a machine shared with others does to a round, it does to both.
double median_ratio(const std::vector<double>& a, const std::vector<double>& b);

// Calls `call(i)` for i = 0, 1, ... until `least_seconds` have passed, at least once; seconds a call.
double seconds_per_call(double least_seconds, FunctionRef<void(std::int64_t)> call);

// Throws Interrupted if Ctrl-C or SIGTERM arrived; to be called between rounds.
void stop_if_interrupted();

// For results that there are not always.
inline io::Json number_or_null(const std::optional<double>& value) {
  return value ? io::Json(*value) : io::Json();
}

}  // namespace espalier::bench
