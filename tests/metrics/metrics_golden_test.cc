// Metrics against scikit-learn and scipy (tests/golden/README.md).
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/io/json.h"
#include "espalier/metrics/metrics.h"
#include "tests/support/support.h"

namespace espalier::metrics {
namespace {

// Sums are ordered differently here and there: a few units in the last place.
constexpr double kTolerance = 1e-13;

// null stands for NaN. A value must come with a warning exactly where it is not defined.
void check_correlation(const MetricValue& value, const io::Json& expected) {
  if (expected.is_null()) {
    CHECK(std::isnan(value.value));
    CHECK_FALSE(value.warning.empty());
    return;
  }
  CHECK(std::abs(value.value - expected.get<double>()) <= kTolerance);
  CHECK(value.warning.empty());
}

}  // namespace

TEST_CASE("classification metrics equal scikit-learn's") {
  const io::Json golden = io::read_json(testing::golden_path("metrics.json"));
  int cases = 0;
  for (const io::Json& entry : golden["classification"]) {
    INFO(entry["name"].get<std::string>());
    const auto labels = entry["labels"].get<std::vector<std::int32_t>>();
    const auto predictions = entry["predictions"].get<std::vector<std::int32_t>>();
    CHECK(std::abs(accuracy(labels, predictions).value - entry["accuracy"].get<double>()) <= kTolerance);
    const MetricValue matthews = matthews_correlation(labels, predictions);
    CHECK(std::abs(matthews.value - entry["matthews"].get<double>()) <= kTolerance);
    CHECK(std::abs(f1_macro(labels, predictions).value - entry["f1_macro"].get<double>()) <= kTolerance);
    if (entry.contains("f1")) {
      CHECK(std::abs(f1(labels, predictions).value - entry["f1"].get<double>()) <= kTolerance);
    }
    ++cases;
  }
  CHECK(cases >= 15);
}

TEST_CASE("correlations equal scipy's") {
  const io::Json golden = io::read_json(testing::golden_path("metrics.json"));
  int cases = 0;
  for (const io::Json& entry : golden["regression"]) {
    INFO(entry["name"].get<std::string>());
    const auto labels = entry["labels"].get<std::vector<double>>();
    const auto predictions = entry["predictions"].get<std::vector<double>>();
    check_correlation(pearson(labels, predictions), entry["pearson"]);
    check_correlation(spearman(labels, predictions), entry["spearman"]);
    ++cases;
  }
  CHECK(cases >= 14);
}

}  // namespace espalier::metrics
