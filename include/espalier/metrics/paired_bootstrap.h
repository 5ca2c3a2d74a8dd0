// Whether two models differ on the same rows: a paired bootstrap (Efron and Tibshirani, "An Introduction to
// the Bootstrap", 1993; for system comparison Koehn, "Statistical Significance Tests for Machine Translation
// Evaluation", 2004), over rows and over training seeds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "espalier/metrics/interval.h"
#include "espalier/metrics/metrics.h"

namespace espalier::metrics {

// What two models say about the rows of one file: the predictions of each one's training seeds, one at least.
struct PairedSet {
  std::string metric;
  std::vector<Predictions> first, second;
  double weight = 1;  // in means over sets
};

struct PairedOptions {
  int resamples = 1000;
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

struct PairedDifference {
  // Weighted mean over the sets of the median over the seeds.
  double first = 0, second = 0;
  double difference = 0;  // first - second
  Interval interval;      // of it
  // Two-sided: 2 min(share of resamples with a difference <= 0, share >= 0), where the shares count one
  // resample more, so that it is never 0; 1 at most.
  double p_value = 1;
  int undefined = 0;  // resamples without a value (a constant sample has no correlation); left out
};

// In each resample the rows of a set are drawn once and used for both models, and the seeds of each model are
// drawn on their own, all with replacement: with a single seed the spread of trainings is not in the result.
// A pure function of its arguments for any number of threads. InputError if the truths of a set differ
// between predictions: then they are not of the same rows.
PairedDifference paired_bootstrap(std::span<const PairedSet> sets, const PairedOptions& options = {});

// The median; of an even number the mean of the middle two. NaN if any is, or if there are none.
double median(std::vector<double> values);

}  // namespace espalier::metrics
