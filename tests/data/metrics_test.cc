#include "espalier/data/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

namespace espalier::data {
namespace {

using Ints = std::vector<std::int32_t>;
using Doubles = std::vector<double>;

}  // namespace

TEST_CASE("accuracy") {
  CHECK(accuracy(Ints{0, 1, 2, 1}, Ints{0, 1, 1, 1}).value == 0.75);
  const MetricValue empty = accuracy(Ints{}, Ints{});
  CHECK(std::isnan(empty.value));
  CHECK(empty.warning == "there are no rows to score");
}

TEST_CASE("Matthews' correlation of two and three classes") {
  // 2x2: tp 2, tn 1, fp 1, fn 1 -> (2 - 1) / sqrt(3 * 3 * 2 * 2)
  CHECK(matthews_correlation(Ints{1, 1, 1, 0, 0}, Ints{1, 1, 0, 0, 1}).value ==
        doctest::Approx(1.0 / 6).epsilon(1e-12));
  CHECK(matthews_correlation(Ints{0, 1, 2}, Ints{0, 1, 2}).value == 1.0);
  CHECK(matthews_correlation(Ints{0, 1, 0, 1}, Ints{1, 0, 1, 0}).value == -1.0);
  // Three classes by the formula: c = 3, s = 5, t = (2, 2, 1), p = (1, 3, 1).
  CHECK(matthews_correlation(Ints{0, 0, 1, 1, 2}, Ints{0, 1, 1, 1, 0}).value ==
        doctest::Approx((3.0 * 5 - (2 * 2 + 2 * 3 + 1 * 0)) / std::sqrt((25.0 - 13) * (25.0 - 9))));
}

TEST_CASE("Matthews' correlation with one class is 0 and says so") {
  const MetricValue predicted = matthews_correlation(Ints{0, 1, 1}, Ints{1, 1, 1});
  CHECK(predicted.value == 0);
  CHECK(predicted.warning == "only one class was predicted: Matthews' correlation is set to 0");
  const MetricValue truth = matthews_correlation(Ints{1, 1, 1}, Ints{0, 1, 1});
  CHECK(truth.value == 0);
  CHECK(truth.warning.find("the rows hold only one class") == 0);
}

TEST_CASE("F1 of the positive class") {
  // tp 2, fp 1, fn 1.
  const MetricValue value = f1(Ints{1, 1, 1, 0, 0}, Ints{1, 1, 0, 0, 1});
  CHECK(value.value == doctest::Approx(2.0 / 3));
  CHECK(value.warning.empty());
  const MetricValue none = f1(Ints{1, 0}, Ints{0, 0});
  CHECK(none.value == 0);
  CHECK(none.warning == "no row was predicted positive (class 1): F1 is 0");
  CHECK(f1(Ints{0, 0}, Ints{0, 0}).value == 0);
  CHECK(f1(Ints{0, 0}, Ints{0, 0}).warning.find("in truth or prediction") != std::string::npos);
  CHECK(f1(Ints{0, 0}, Ints{0, 1}).warning == "no row is truly positive (class 1): F1 is 0");
  CHECK(f1(Ints{0, 1}, Ints{1, 1}).warning == "every row was predicted positive (class 1)");
}

TEST_CASE("macro F1 averages over the classes that occur") {
  // Class 0: tp 1 fp 1 fn 1 -> 0.5; class 1: tp 2 fp 1 fn 0 -> 0.8; class 2: 0 (never predicted).
  const MetricValue value = f1_macro(Ints{0, 0, 1, 1, 2}, Ints{0, 1, 1, 1, 0});
  CHECK(value.value == doctest::Approx((0.5 + 0.8 + 0) / 3));
  CHECK(value.warning == "class 2 never predicted: its F1 is 0");
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

TEST_CASE("undefined correlations are NaN with the reason") {
  const Doubles x = {1, 2, 3};
  const MetricValue constant = pearson(x, Doubles{2, 2, 2});
  CHECK(std::isnan(constant.value));
  CHECK(constant.warning == "every row was given the same value: no correlation is defined");
  CHECK(spearman(Doubles{2, 2, 2}, x).warning.find("all true values are the same") == 0);
  CHECK(spearman(x, Doubles{1, NAN, 2}).warning.find("not finite") != std::string::npos);
  CHECK(std::isnan(pearson(Doubles{1}, Doubles{1}).value));
  CHECK(pearson(x, Doubles{1e6, 1e6, 1e6 + 1e-9}).warning.find("nearly constant") != std::string::npos);
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

}  // namespace espalier::data
