// ctest-label: threads
#include "espalier/metrics/interval.h"

#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "tests/support/support.h"

namespace espalier::metrics {
namespace {

Predictions coin_flips(std::size_t rows, double share_right) {
  const Philox random(9, RandomStream::kTest);
  Predictions predictions;
  for (std::size_t i = 0; i < rows; ++i) {
    predictions.true_classes.push_back(1);
    predictions.classes.push_back(random.uniform(i) < static_cast<float>(share_right) ? 1 : 0);
  }
  return predictions;
}

// Wilson, 1927: an interval of a share that needs no resampling, to hold the bootstrap against.
Interval wilson_interval(std::int64_t successes, std::int64_t rows) {
  ESPALIER_CHECK(0 <= successes && successes <= rows);
  if (rows == 0) return {0, 1};
  const double quantile = 1.959963984540054;  // of 0.975
  const auto n = static_cast<double>(rows);
  const double share = static_cast<double>(successes) / n;
  const double square = quantile * quantile;
  const double centre = (share + square / (2 * n)) / (1 + square / n);
  const double half = quantile / (1 + square / n) * std::sqrt(share * (1 - share) / n + square / (4 * n * n));
  // Rounding must not leave [0, 1], nor miss the ends that are exact.
  return {successes == 0 ? 0 : std::max(0.0, centre - half),
          successes == rows ? 1 : std::min(1.0, centre + half)};
}

}  // namespace

// Values of statsmodels' proportion_confint(method="wilson"), checked by hand from the formula.
TEST_CASE("Wilson's interval") {
  const Interval half = wilson_interval(5, 10);
  CHECK(half.low == doctest::Approx(0.2365931).epsilon(1e-6));
  CHECK(half.high == doctest::Approx(0.7634069).epsilon(1e-6));
  const Interval all = wilson_interval(10, 10);
  CHECK(all.low == doctest::Approx(0.7224672).epsilon(1e-6));
  CHECK(all.high == 1.0);
  const Interval none = wilson_interval(0, 10);
  CHECK(none.low == 0.0);
  CHECK(none.high == doctest::Approx(0.2775328).epsilon(1e-6));
  const Interval empty = wilson_interval(0, 0);
  CHECK(empty.low == 0.0);
  CHECK(empty.high == 1.0);
}

TEST_CASE("the bootstrap agrees with Wilson's interval of an accuracy") {
  const Predictions predictions = coin_flips(1000, 0.8);
  const auto right =
      static_cast<std::int64_t>(std::llround(1000 * compute_metric("accuracy", predictions).value));
  const Interval wilson = wilson_interval(right, 1000);
  const BootstrapInterval bootstrap = bootstrap_interval("accuracy", predictions);
  CHECK(bootstrap.undefined == 0);
  CHECK(bootstrap.low == doctest::Approx(wilson.low).epsilon(0.01));
  CHECK(bootstrap.high == doctest::Approx(wilson.high).epsilon(0.01));
}

TEST_CASE("the same interval for any number of threads, another for another seed") {
  const Predictions predictions = coin_flips(300, 0.6);
  const int threads = thread_count();
  set_thread_count(1);
  const BootstrapInterval one = bootstrap_interval("accuracy", predictions);
  set_thread_count(3);
  const BootstrapInterval three = bootstrap_interval("accuracy", predictions);
  set_thread_count(threads);
  CHECK(one.low == three.low);
  CHECK(one.high == three.high);
  BootstrapOptions other;
  other.seed = 1;
  const BootstrapInterval seeded = bootstrap_interval("accuracy", predictions, other);
  CHECK((seeded.low != one.low || seeded.high != one.high));
}

TEST_CASE("resamples without a value are left out and counted") {
  Predictions predictions;
  predictions.true_values = {1, 2, 3};
  predictions.values = {1, 2, 4};
  // A resample of three rows is constant with probability 3 / 27.
  const BootstrapInterval interval = bootstrap_interval("pearson", predictions);
  CHECK(interval.undefined > 60);
  CHECK(interval.undefined < 170);
  CHECK(interval.high == doctest::Approx(1.0));
  predictions.values = {2, 2, 2};
  const BootstrapInterval none = bootstrap_interval("pearson", predictions);
  CHECK(none.undefined == 1000);
  CHECK(std::isnan(none.low));
}

TEST_CASE("an unknown metric is refused with the known ones") {
  CHECK(testing::error_of([] { compute_metric("acuracy", {}); }) ==
        "unknown metric `acuracy`; known: accuracy, f1, f1_macro, matthews_correlation, pearson, spearmanr, "
        "mse");
}

}  // namespace espalier::metrics
