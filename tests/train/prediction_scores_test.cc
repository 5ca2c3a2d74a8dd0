#include "train/prediction_scores.h"

#include <doctest/doctest.h>

#include <cmath>

namespace espalier::train {

TEST_CASE("warnings name classes without the controls that they hold") {
  const metrics::Predictions predictions{
      .true_classes = {0, 1}, .classes = {1, 1}, .true_values = {}, .values = {}};
  std::vector<std::string> warnings;
  score_predictions(predictions, 0.5, data::LabelSet({"a", "\x1B[2Jb"}),
                    {.metrics = {"accuracy"}, .suffix = "", .resamples = 0}, warnings);
  CHECK(warnings == std::vector<std::string>{"accuracy: only one class was predicted (`<U+001B>[2Jb`)"});
}

TEST_CASE("an interval that rests on few of the draws says so, and one on less than half of them is none") {
  metrics::Predictions predictions{
      .true_classes = {}, .classes = {}, .true_values = {1, 2}, .values = {1, 2}};
  const auto scored = [&](std::vector<std::string>& warnings) {
    return score_predictions(predictions, 0.5, {}, {.metrics = {"pearson"}, .suffix = "", .resamples = 1000},
                             warnings)
        .metrics.at(0);
  };
  // Half of the draws of two rows are one row twice, which has no correlation.
  std::vector<std::string> warnings;
  MetricScore score = scored(warnings);
  CHECK(score.value == doctest::Approx(1));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with("pearson: of 1000 draws of as many rows "));
  // Of ten rows of which nine are one and the same, over a third.
  predictions.true_values = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
  predictions.values = predictions.true_values;
  warnings.clear();
  score = scored(warnings);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].ends_with("have no value: its interval is of the others alone"));
  CHECK(std::isfinite(score.interval.value().low));
  predictions.true_values = predictions.values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  warnings.clear();
  scored(warnings);
  CHECK(warnings.empty());
}

}  // namespace espalier::train
