#include "espalier/metrics/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/support.h"

namespace espalier::metrics {
namespace {

using testing::Doubles;
using testing::Ids;

}  // namespace

TEST_CASE("accuracy") {
  CHECK(accuracy(Ids{0, 1, 2, 1}, Ids{0, 1, 1, 1}).value == 0.75);
  const MetricValue empty = accuracy(Ids{}, Ids{});
  CHECK(std::isnan(empty.value));
  CHECK(empty.warning == "there are no rows to score");
}

TEST_CASE("Matthews' correlation of two and three classes") {
  // 2x2: tp 2, tn 1, fp 1, fn 1 -> (2 - 1) / sqrt(3 * 3 * 2 * 2)
  CHECK(matthews_correlation(Ids{1, 1, 1, 0, 0}, Ids{1, 1, 0, 0, 1}).value ==
        doctest::Approx(1.0 / 6).epsilon(1e-12));
  CHECK(matthews_correlation(Ids{0, 1, 2}, Ids{0, 1, 2}).value == 1.0);
  CHECK(matthews_correlation(Ids{0, 1, 0, 1}, Ids{1, 0, 1, 0}).value == -1.0);
  // Three classes by the formula: c = 3, s = 5, t = (2, 2, 1), p = (1, 3, 1).
  CHECK(matthews_correlation(Ids{0, 0, 1, 1, 2}, Ids{0, 1, 1, 1, 0}).value ==
        doctest::Approx((3.0 * 5 - (2 * 2 + 2 * 3 + 1 * 0)) / std::sqrt((25.0 - 13) * (25.0 - 9))));
}

TEST_CASE("Matthews' correlation with one class is 0 and says so") {
  const MetricValue predicted = matthews_correlation(Ids{0, 1, 1}, Ids{1, 1, 1});
  CHECK(predicted.value == 0);
  CHECK(predicted.warning == "only one class was predicted: Matthews' correlation is set to 0");
  const MetricValue truth = matthews_correlation(Ids{1, 1, 1}, Ids{0, 1, 1});
  CHECK(truth.value == 0);
  CHECK(truth.warning.find("the rows hold only one class") == 0);
}

TEST_CASE("F1 of the positive class") {
  // tp 2, fp 1, fn 1.
  const MetricValue value = f1(Ids{1, 1, 1, 0, 0}, Ids{1, 1, 0, 0, 1});
  CHECK(value.value == doctest::Approx(2.0 / 3));
  CHECK(value.warning.empty());
  const MetricValue none = f1(Ids{1, 0}, Ids{0, 0});
  CHECK(none.value == 0);
  CHECK(none.warning == "no row was predicted positive: F1 is 0");
  CHECK(f1(Ids{0, 0}, Ids{0, 0}).value == 0);
  CHECK(f1(Ids{0, 0}, Ids{0, 0}).warning.find("in truth or prediction") != std::string::npos);
  CHECK(f1(Ids{0, 0}, Ids{0, 1}).warning == "no row is truly positive: F1 is 0");
  CHECK(f1(Ids{0, 1}, Ids{1, 1}).warning == "every row was predicted positive");
}

TEST_CASE("macro F1 averages over the classes that occur") {
  // Class 0: tp 1 fp 1 fn 1 -> 0.5; class 1: tp 2 fp 1 fn 0 -> 0.8; class 2: 0 (never predicted).
  const MetricValue value = f1_macro(Ids{0, 0, 1, 1, 2}, Ids{0, 1, 1, 1, 0});
  CHECK(value.value == doctest::Approx((0.5 + 0.8 + 0) / 3));
  CHECK(value.warning == "a class was never predicted: its F1 is 0");
  CHECK(value.classes == Ids{2});
}

TEST_CASE("Pearson, Spearman with ties and the squared error") {
  const Doubles x = {1, 2, 3, 4, 5};
  const Doubles y = {2, 1, 4, 3, 5};
  CHECK(pearson(x, y).value == doctest::Approx(0.8).epsilon(1e-12));
  CHECK(spearman(x, y).value == doctest::Approx(0.8).epsilon(1e-12));
  // Ranks of the second: 1.5, 1.5, 3.5, 3.5, 5 -> by hand 9.5 / sqrt(10 * 9).
  const Doubles tied = {10, 10, 20, 20, 1000};
  CHECK(spearman(x, tied).value == doctest::Approx(9.0 / std::sqrt(90.0)).epsilon(1e-12));
  CHECK(pearson(x, tied).value < 0.8);
  CHECK(mean_squared_error(Doubles{1, 2}, Doubles{2, 4}).value == 2.5);
}

TEST_CASE("a perfect correlation is exactly one, never above") {
  Doubles x;
  for (int i = 0; i < 100; ++i) x.push_back(0.1 * i + 1e6);
  Doubles negative;
  for (const double value : x) negative.push_back(-3 * value);
  CHECK(pearson(x, x).value <= 1.0);
  CHECK(pearson(x, x).value == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(pearson(x, negative).value >= -1.0);
  CHECK(spearman(x, negative).value == doctest::Approx(-1.0).epsilon(1e-12));
}

TEST_CASE("values whose squares leave the range of doubles correlate as others") {
  const Doubles x = {1, 2, 3};
  CHECK(pearson(x, Doubles{1e-200, 2e-200, 4e-200}).value ==
        doctest::Approx(pearson(x, Doubles{1, 2, 4}).value).epsilon(1e-12));
  CHECK(pearson(Doubles{1e308, -1e308, 1}, x).value == doctest::Approx(-0.5).epsilon(1e-12));
  CHECK(pearson(x, Doubles{1.5e308, 1.6e308, 1.7e308}).value == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("undefined correlations are NaN with the reason") {
  const Doubles x = {1, 2, 3};
  const MetricValue constant = pearson(x, Doubles{2, 2, 2});
  CHECK(std::isnan(constant.value));
  CHECK(constant.warning == "every row was given the same value, up to rounding: no correlation is defined");
  CHECK(spearman(Doubles{2, 2, 2}, x).warning.find("all true values are the same") == 0);
  CHECK(spearman(x, Doubles{1, NAN, 2}).warning.find("not finite") != std::string::npos);
  CHECK(std::isnan(pearson(Doubles{1}, Doubles{1}).value));
}

// The bounds are those of the header: eps^(3/4) of either width. {m - d, m, m + d} deviates by sqrt(2/3) d.
TEST_CASE("values that are constant up to rounding correlate with nothing") {
  struct Bound {
    Width width;
    double relative;
  };
  for (const Bound& bound : {Bound{Width::kFloat32, 6.415e-6}, Bound{Width::kFloat64, 1.8190e-12}}) {
    CAPTURE(bound.relative);
    for (const double mean : {3.0, -250.0}) {
      const auto spread = [&](double part) {
        const double d = part * bound.relative * std::abs(mean) * std::sqrt(1.5);
        return Doubles{mean - d, mean, mean + d};
      };
      const Doubles truth = {1, 2, 4};
      for (const auto metric : {pearson, spearman}) {
        const MetricValue below = metric(truth, spread(0.97), bound.width);
        CHECK(std::isnan(below.value));
        CHECK(below.warning ==
              "every row was given the same value, up to rounding: no correlation is defined");
        const MetricValue above = metric(truth, spread(1.03), bound.width);
        CHECK(above.value > 0.9);
        CHECK(above.warning.empty());
        // Many rows are no more exact than few.
        Doubles many, many_truth;
        for (int i = 0; i < 10'000; ++i) {
          many.push_back(spread(0.97)[static_cast<std::size_t>(i % 3)]);
          many_truth.push_back(i);
        }
        CHECK(std::isnan(metric(many_truth, many, bound.width).value));
      }
    }
  }
  // True values are given, not computed: the bound of float64 holds, whatever the predictions'.
  const Doubles labels = {1e6, 1e6 + 1, 1e6 + 2};
  CHECK(pearson(labels, Doubles{1, 2, 3}, Width::kFloat32).value == doctest::Approx(1.0));
  CHECK(pearson(Doubles{1e6, 1e6, 1e6 + 1e-9}, labels).warning ==
        "all true values are the same, up to rounding: no correlation is defined");
  // Around 0 every difference counts.
  CHECK(pearson(labels, Doubles{-1e-9, 0, 1e-9}, Width::kFloat32).value == doctest::Approx(1.0));
}

TEST_CASE("a model's predictions are float32") {
  Predictions predictions;
  predictions.true_values = {1, 2, 3, 4};
  predictions.values = {0.5F, std::nextafter(0.5F, 1.0F), 0.5F, std::nextafter(0.5F, 0.0F)};
  for (const char* metric : {"pearson", "spearmanr"}) {
    const MetricValue value = compute_metric(metric, predictions);
    CHECK(std::isnan(value.value));
    CHECK(value.warning.find("up to rounding") != std::string::npos);
  }
}

TEST_CASE("metrics by name") {
  Predictions predictions;
  predictions.true_classes = {0, 1};
  predictions.classes = {0, 0};
  predictions.true_values = {0, 1};
  predictions.values = {1, 1};
  CHECK(compute_metric("accuracy", predictions).value == 0.5);
  CHECK(compute_metric("mse", predictions).value == 0.5);
  CHECK(higher_is_better("f1"));
  CHECK_FALSE(higher_is_better("mse"));
}

}  // namespace espalier::metrics
