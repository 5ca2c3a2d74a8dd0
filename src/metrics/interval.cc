#include "espalier/metrics/interval.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "metrics/resample.h"

namespace espalier::metrics {
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

}  // namespace espalier::metrics
