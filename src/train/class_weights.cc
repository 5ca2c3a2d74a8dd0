#include "train/class_weights.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::train {
namespace {

// A class without rows (after task.max_train) meets no example, so its weight says nothing.
Tensor balanced_weights(const data::LabelledData& train) {
  const std::vector<std::int64_t> counts = data::class_counts(train);
  Tensor weights = Tensor::full({static_cast<std::int64_t>(counts.size())}, 1.0F);
  const double rows = static_cast<double>(train.rows.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    weights.data()[i] =
        static_cast<float>(rows / (static_cast<double>(counts.size()) * static_cast<double>(counts[i])));
  }
  return weights;
}

}  // namespace

Tensor class_weights_of(const config::TaskConfig& task, const data::LabelledData& train) {
  if (task.class_weights.empty()) return Tensor();
  if (train.regression) throw InputError("task.class_weights: a regression has no classes");
  if (task.class_weights == std::vector<std::string>{"balanced"}) return balanced_weights(train);
  Tensor weights = Tensor::full({train.labels.size()}, 1.0F);
  for (const std::string& text : task.class_weights) {
    // A label may itself hold an equals sign.
    const std::size_t equals = text.rfind('=');
    double weight = 0;
    if (equals == std::string::npos || !data::parse_number(text.substr(equals + 1), weight) || weight <= 0) {
      throw InputError(fmt::format(
          "task.class_weights: expected balanced, or CLASS=WEIGHT with a weight above 0, got `{}`", text));
    }
    const std::int32_t label = train.labels.find(text.substr(0, equals));
    if (label < 0) {
      throw InputError(fmt::format("task.class_weights: no class `{}`; the classes are: {}",
                                   text.substr(0, equals), train.labels.listed()));
    }
    weights.data()[label] = static_cast<float>(weight);
  }
  return weights;
}

}  // namespace espalier::train
