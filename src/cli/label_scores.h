// How right predictions are, where a table has the truth: the scores of fine-tuning.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/data/labels.h"
#include "espalier/io/json.h"
#include "espalier/metrics/metrics.h"
#include "espalier/model/inference.h"

namespace espalier::cli {

class LabelScores {
 public:
  explicit LabelScores(const model::LoadedModel& model);

  // Of a regression labels are numbers.
  bool regression() const { return regression_; }
  // A row whose label is `truth`. InputError, naming `where`, for a label that is none of the model's.
  void add(const std::string& truth, const model::Classification& said, const std::string& where);
  // eval_loss, eval_METRIC, eval_METRIC_interval (95 %, bootstrap) and eval_samples, as fine-tuning names
  // them. Warns of scores that say little. InputError without a row.
  io::Json json() const;

 private:
  data::LabelSet labels_;
  bool regression_;
  metrics::Predictions predictions_;
  double loss_ = 0;
  std::int64_t rows_ = 0;
};

// A line a score, its interval behind it.
std::string scores_text(const io::Json& scores);

}  // namespace espalier::cli
