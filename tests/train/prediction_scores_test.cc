#include "train/prediction_scores.h"

#include <doctest/doctest.h>

namespace espalier::train {

TEST_CASE("warnings name classes without the controls that they hold") {
  const metrics::Predictions predictions{
      .true_classes = {0, 1}, .classes = {1, 1}, .true_values = {}, .values = {}};
  std::vector<std::string> warnings;
  score_predictions(predictions, 0.5, data::LabelSet({"a", "\x1B[2Jb"}),
                    {.metrics = {"accuracy"}, .suffix = "", .resamples = 0}, warnings);
  CHECK(warnings == std::vector<std::string>{"accuracy: only one class was predicted (`<U+001B>[2Jb`)"});
}

}  // namespace espalier::train
