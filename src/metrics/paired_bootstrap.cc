#include "espalier/metrics/paired_bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "metrics/resample.h"

namespace espalier::metrics {
namespace {

using Rows = std::vector<std::uint32_t>;

std::size_t rows_of(const Predictions& predictions) {
  return std::max(predictions.true_classes.size(), predictions.true_values.size());
}

void check(std::span<const PairedSet> sets) {
  ESPALIER_CHECK(!sets.empty());
  for (const PairedSet& set : sets) {
    ESPALIER_CHECK(!set.first.empty() && !set.second.empty());
    const Predictions& reference = set.first[0];
    ESPALIER_CHECK(rows_of(reference) > 0 && rows_of(reference) < std::numeric_limits<std::uint32_t>::max());
    for (const std::vector<Predictions>* side : {&set.first, &set.second}) {
      for (const Predictions& predictions : *side) {
        if (predictions.true_classes == reference.true_classes &&
            predictions.true_values == reference.true_values) {
          continue;
        }
        throw InputError(
            fmt::format("the predictions are not of the same rows: {} and {} rows, or other "
                        "labels",
                        rows_of(reference), rows_of(predictions)));
      }
    }
  }
}

// The median over `chosen` seeds of the metric on `rows`; all rows where null.
double score(const PairedSet& set, const std::vector<Predictions>& seeds, const Rows& chosen,
             const Rows* rows) {
  std::vector<double> of_seed(seeds.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<double> values;
  for (const std::uint32_t seed : chosen) {
    if (std::isnan(of_seed[seed])) {
      const Predictions sample = rows == nullptr ? seeds[seed] : picked(seeds[seed], *rows);
      of_seed[seed] = compute_metric(set.metric, sample).value;
    }
    values.push_back(of_seed[seed]);
  }
  return median(values);
}

Rows all(std::size_t count) {
  Rows result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = static_cast<std::uint32_t>(i);
  return result;
}

double weight_of(std::span<const PairedSet> sets) {
  double sum = 0;
  for (const PairedSet& set : sets) sum += set.weight;
  return sum;
}

double resampled(std::span<const PairedSet> sets, std::uint64_t seed, std::uint64_t resample) {
  double sum = 0;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const PairedSet& set = sets[i];
    // Three draws of their own for every set.
    const std::uint64_t step = 3 * (resample * sets.size() + i);
    const auto draw = [&](std::uint64_t which, std::size_t count) {
      return draw_rows(Philox(seed, RandomStream::kPairedBootstrap, step + which),
                       static_cast<std::uint32_t>(count));
    };
    const Rows rows = draw(0, rows_of(set.first[0]));
    sum += set.weight * (score(set, set.first, draw(1, set.first.size()), &rows) -
                         score(set, set.second, draw(2, set.second.size()), &rows));
  }
  return sum / weight_of(sets);
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty() || std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

PairedDifference paired_bootstrap(std::span<const PairedSet> sets, const PairedOptions& options) {
  check(sets);
  PairedDifference result;
  const double weights = weight_of(sets);
  for (const PairedSet& set : sets) {
    result.first += set.weight * score(set, set.first, all(set.first.size()), nullptr) / weights;
    result.second += set.weight * score(set, set.second, all(set.second.size()), nullptr) / weights;
  }
  result.difference = result.first - result.second;
  std::vector<double> differences(static_cast<std::size_t>(options.resamples));
  parallel_for(options.resamples, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      differences[static_cast<std::size_t>(i)] = resampled(sets, options.seed, static_cast<std::uint64_t>(i));
    }
  });
  result.undefined = sort_finite(differences);
  result.interval = percentile_interval(differences, options.confidence);
  const auto not_above =
      std::count_if(differences.begin(), differences.end(), [](double d) { return d <= 0; });
  const auto not_below =
      std::count_if(differences.begin(), differences.end(), [](double d) { return d >= 0; });
  const auto least = static_cast<double>(std::min(not_above, not_below));
  result.p_value = std::min(1.0, 2 * (least + 1) / (static_cast<double>(differences.size()) + 1));
  return result;
}

}  // namespace espalier::metrics
