#include "cli/label_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/glue.h"
#include "train/prediction_scores.h"

namespace espalier::cli {

LabelScores::LabelScores(const model::LoadedModel& model)
    : labels_(model.labels.labels), regression_(model.classifier->head_options().labels == 1) {}

void LabelScores::add(const std::string& truth, const model::Classification& said, const std::string& where) {
  ++rows_;
  if (regression_) {
    double value = 0;
    ESPALIER_CHECK(data::parse_number(truth, value));
    predictions_.true_values.push_back(value);
    predictions_.values.push_back(said.score);
    loss_ += (said.score - value) * (said.score - value);
    return;
  }
  const std::int32_t label = labels_.find(truth);
  if (label < 0) {
    throw InputError(
        fmt::format("{}: label `{}` is none of the model's classes: {}", where, truth, labels_.listed()));
  }
  predictions_.true_classes.push_back(label);
  predictions_.classes.push_back(labels_.find(said.label));
  loss_ -= std::log(std::max(said.probabilities.at(static_cast<std::size_t>(label)), 1e-30));
}

io::Json LabelScores::json() const {
  if (rows_ == 0) throw InputError("--label-column: there is no row to score");
  std::vector<std::string> warnings;
  const train::SetScores scores = train::score_predictions(
      predictions_, loss_ / static_cast<double>(rows_), labels_,
      {.metrics = data::custom_metrics(labels_.size(), regression_), .suffix = ""}, warnings);
  for (const std::string& warning : warnings) log_warning(warning);
  return io::to_json(scores);
}

std::string scores_text(const io::Json& scores) {
  std::string text;
  for (const auto& [name, value] : scores.items()) {
    if (!name.starts_with(metrics::kEvaluationPrefix)) continue;
    if (!value.is_array()) {
      text += fmt::format("{}{:<28} {}", text.empty() ? "" : "\n", name, io::json_text(value, -1));
    } else if (value.at(0).is_number()) {
      text += fmt::format("  [{:.4f}, {:.4f}]", value.at(0).get<double>(), value.at(1).get<double>());
    }
  }
  return text;
}

}  // namespace espalier::cli
