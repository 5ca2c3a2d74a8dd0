// ctest-label: threads
#include "espalier/metrics/paired_bootstrap.h"

#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "tests/support/support.h"

namespace espalier::metrics {
namespace {

// `rows` truths of two classes; a prediction is right with probability `share`.
Predictions guesses(std::int64_t rows, float share, std::uint64_t seed) {
  const Philox truth(1, RandomStream::kTest), right(seed, RandomStream::kTest, 1);
  Predictions result;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    result.true_classes.push_back(static_cast<std::int32_t>(truth.below(index, 2)));
    const bool good = right.uniform(index) < share;
    result.classes.push_back(good ? result.true_classes.back() : 1 - result.true_classes.back());
  }
  return result;
}

PairedDifference compare(const std::vector<PairedSet>& sets, int resamples = 1000) {
  PairedOptions options;
  options.resamples = resamples;
  return paired_bootstrap(sets, options);
}

}  // namespace

TEST_CASE("the median") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 3}) == 2.5);
  CHECK(std::isnan(median({})));
  CHECK(std::isnan(median({1, NAN, 2})));
}

TEST_CASE("equal predictions differ by nothing") {
  const Predictions p = guesses(200, 0.8F, 7);
  const PairedDifference result = compare({{"accuracy", {p}, {p}}});
  CHECK(result.difference == 0);
  CHECK(result.interval.low == 0);
  CHECK(result.interval.high == 0);
  CHECK(result.p_value == 1);
}

TEST_CASE("a clear difference has an interval without zero, a small one has not") {
  const PairedDifference clear = compare({{"accuracy", {guesses(400, 0.9F, 2)}, {guesses(400, 0.6F, 3)}}});
  CHECK(clear.difference == doctest::Approx(0.3).epsilon(0.3));
  CHECK(clear.interval.low > 0);
  CHECK(clear.p_value <= 2 * 1.0 / 1001 + 1e-12);
  const PairedDifference small = compare({{"accuracy", {guesses(400, 0.8F, 4)}, {guesses(400, 0.8F, 5)}}});
  CHECK(small.interval.low < 0);
  CHECK(small.interval.high > 0);
  CHECK(small.p_value > 0.05);
  // The sign is that of first minus second.
  const PairedDifference turned = compare({{"accuracy", {guesses(400, 0.6F, 3)}, {guesses(400, 0.9F, 2)}}});
  CHECK(turned.difference == -clear.difference);
  CHECK(turned.interval.high < 0);
}

TEST_CASE("rows are paired: the interval is that of the rows that differ") {
  // Two models that agree but for 10 of 400 rows: unpaired, the interval would be +-6 points wide.
  const Predictions first = guesses(400, 0.7F, 2);
  Predictions second = first;
  for (std::size_t i = 0; i < 10; ++i) second.classes[i] = 1 - second.true_classes[i];
  std::int64_t lost = 0;
  for (std::size_t i = 0; i < 10; ++i) lost += first.classes[i] == first.true_classes[i] ? 1 : 0;
  const PairedDifference result = compare({{"accuracy", {first}, {second}}}, 4000);
  CHECK(result.difference == doctest::Approx(static_cast<double>(lost) / 400));
  // Binomial: the number of lost rows in a resample has this standard deviation.
  const double share = static_cast<double>(lost) / 400;
  const double deviation = std::sqrt(share * (1 - share) / 400);
  CHECK(result.interval.high - result.interval.low == doctest::Approx(2 * 1.96 * deviation).epsilon(0.15));
}

TEST_CASE("seeds are drawn too: their spread widens the interval") {
  const std::vector<Predictions> steady = {guesses(2000, 0.8F, 2), guesses(2000, 0.8F, 3),
                                           guesses(2000, 0.8F, 4)};
  const std::vector<Predictions> wild = {guesses(2000, 0.9F, 2), guesses(2000, 0.8F, 3),
                                         guesses(2000, 0.6F, 4)};
  const auto width = [&](const std::vector<Predictions>& seeds) {
    const Interval interval = compare({{"accuracy", seeds, {guesses(2000, 0.7F, 9)}}}).interval;
    return interval.high - interval.low;
  };
  CHECK(width(wild) > 3 * width(steady));
}

TEST_CASE("several sets count the same, whatever their sizes and metrics") {
  const PairedSet clear = {"accuracy", {guesses(300, 0.9F, 2)}, {guesses(300, 0.6F, 3)}};
  PairedSet none = {"f1", {guesses(50, 0.8F, 4)}, {}};
  none.second = none.first;
  const PairedDifference both = compare({clear, none});
  CHECK(both.difference == doctest::Approx(compare({clear}).difference / 2));
  none.weight = 3;
  const PairedDifference weighed = compare({clear, none});
  CHECK(weighed.difference == doctest::Approx(compare({clear}).difference / 4));
  CHECK(weighed.interval.high == doctest::Approx(both.interval.high / 2));
}

TEST_CASE("any number of threads gives the same bits") {
  const std::vector<PairedSet> sets = {
      {"accuracy", {guesses(100, 0.8F, 2), guesses(100, 0.8F, 3)}, {guesses(100, 0.7F, 4)}}};
  set_thread_count(1);
  const PairedDifference one = compare(sets);
  set_thread_count(3);
  const PairedDifference three = compare(sets);
  set_thread_count(available_cores());
  CHECK(one.interval.low == three.interval.low);
  CHECK(one.interval.high == three.interval.high);
  CHECK(one.p_value == three.p_value);
}

TEST_CASE("predictions of other rows are refused") {
  Predictions other = guesses(100, 0.8F, 3);
  other.true_classes[5] = 1 - other.true_classes[5];
  CHECK(testing::error_of([&] {
          compare({{"accuracy", {guesses(100, 0.8F, 2)}, {other}}});
        }) == "the predictions are not of the same rows: 100 and 100 rows, or other labels");
}

}  // namespace espalier::metrics
