// Curves in bounded memory keep what a drawing shows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "report/curve.h"

namespace espalier::testing {
namespace {

using report::Curve;
using report::Sample;
using report::Thinned;

TEST_CASE("a short curve is kept whole") {
  Curve curve;
  for (int i = 0; i < 1000; ++i) curve.add({i * 1.0, i * 2.0, std::sin(i * 0.1)});
  REQUIRE(curve.samples().size() == 1000);
  CHECK(curve.samples()[123].seconds == 246);
}

TEST_CASE("of a long one peaks, ends and means stay, in bounded memory") {
  Curve curve;
  const int count = 100'000;
  double sum = 0;
  for (int i = 0; i < count; ++i) {
    double value = std::sin(i * 0.001);
    if (i == 77'777) value = 50;
    if (i == 12'345) value = -50;
    sum += value;
    curve.add({i * 1.0, i * 1.0, value});
  }
  const std::vector<Sample> samples = curve.samples();
  CHECK(samples.size() <= 4 * 1024);
  CHECK(samples.front().progress == 0);
  CHECK(samples.back().progress == count - 1);
  CHECK(curve.highest().progress == 77'777);
  CHECK(curve.lowest().value == -50);
  for (std::size_t i = 1; i < samples.size(); ++i) CHECK(samples[i].progress >= samples[i - 1].progress);
  CHECK(curve.count() == static_cast<std::size_t>(count));
  const std::vector<Sample> mean = curve.means(1);
  REQUIRE(mean.size() == 1);
  CHECK(mean[0].value == doctest::Approx(sum / count));
  CHECK(curve.means(100).size() <= 100);
}

TEST_CASE("the last of the means is of as many samples as the others") {
  Curve curve;
  for (int i = 0; i < 1024; ++i) curve.add({i * 1.0, i * 1.0, i < 1023 ? 1.0 : 12.0});
  const std::vector<Sample> means = curve.means(100);
  CHECK(means.size() == 94);  // of 11 samples each, the first of one
  CHECK(means.front().progress == 0);
  CHECK(means.back().value == doctest::Approx(2));
  CHECK(Curve().means(100).empty());
}

TEST_CASE("samples are thinned to those of a coarser curve") {
  std::vector<Sample> samples;
  for (int i = 0; i < 1000; ++i) samples.push_back({i * 1.0, i * 1.0, i == 500 ? 9.0 : 0.001 * i});
  CHECK(report::thinned(samples, 250).size() == 1000);
  const std::vector<Sample> few = report::thinned(samples, 16);
  CHECK(few.size() <= 64);
  CHECK(few.size() >= 16);
  CHECK(few.front().progress == 0);
  CHECK(few.back().progress == 999);
  CHECK(std::any_of(few.begin(), few.end(), [](const Sample& s) { return s.value == 9; }));
}

TEST_CASE("what is not finite is left out") {
  Curve curve;
  curve.add({1, 1, std::numeric_limits<double>::quiet_NaN()});
  CHECK(curve.empty());
}

TEST_CASE("of many things every n-th and the last are kept") {
  for (const int count : {1, 2, 511, 512, 513, 1024, 5000, 100'001}) {
    Thinned<int> list;
    Thinned<std::vector<int>> vectors;
    for (int i = 0; i < count; ++i) {
      list.add(i);
      vectors.add({i});
    }
    REQUIRE(vectors.items().size() == list.items().size());
    for (std::size_t i = 0; i < list.items().size(); ++i)
      CHECK(vectors.items()[i] == std::vector<int>{list.items()[i]});
    CHECK(list.items().size() <= 512);
    CHECK(list.items().front() == 0);
    CHECK(list.items().back() == count - 1);
    CHECK(list.count() == static_cast<std::size_t>(count));
    if (list.items().size() < 3) continue;
    const int step = list.items()[1];
    for (std::size_t i = 0; i + 1 < list.items().size(); ++i)
      CHECK(list.items()[i] == static_cast<int>(i) * step);
  }
}

}  // namespace
}  // namespace espalier::testing
