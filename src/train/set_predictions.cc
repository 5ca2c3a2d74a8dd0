#include "train/set_predictions.h"

#include <algorithm>
#include <cmath>

#include "espalier/base/interrupt.h"
#include "espalier/processes/processes.h"
#include "train/agreement.h"
#include "train/number_list.h"

namespace espalier::train {
namespace {

// What the model says of the rows of a batch: (row, value or class, its probability) each.
void append_rows(const data::LabelledBatch& batch, const Tensor& logits, bool regression,
                 std::vector<double>& numbers) {
  const auto width = static_cast<std::size_t>(logits.shape().columns());
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const std::span<const float> scores = logits.span().subspan(i * width, width);
    const auto top = std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (const float score : scores) sum += std::exp(static_cast<double>(score) - static_cast<double>(*top));
    numbers.insert(
        numbers.end(),
        {static_cast<double>(batch.rows[i]),
         regression ? static_cast<double>(scores[0]) : static_cast<double>(top - scores.begin()), 1.0 / sum});
  }
}

}  // namespace

SetPredictions predict_rows(
    const data::LabelledData& data, data::LabelledLoader& batches, const std::string& stopped,
    const std::function<BatchResult(const data::LabelledBatch& batch, double done)>& compute) {
  const NoGradGuard no_grad;
  const processes::Range own = processes::own_share(batches.batches());
  std::vector<double> numbers;
  for (std::int64_t index = own.begin; index < own.end && interrupt_signal() == 0; ++index) {
    const data::LabelledBatch batch = batches.batch(0, index);
    const BatchResult result =
        compute(batch, static_cast<double>(index + 1 - own.begin) / static_cast<double>(own.end - own.begin));
    const auto rows = static_cast<double>(batch.size());
    numbers.insert(numbers.end(), {result.loss * rows, rows});
    append_rows(batch, result.logits, data.regression, numbers);
  }
  leave_if_asked(stopped);
  SetPredictions result;
  metrics::Predictions& p = result.predictions;
  for (const data::Example& row : data.rows) {
    if (data.regression) {
      p.true_values.push_back(static_cast<double>(row.value));
    } else {
      p.true_classes.push_back(row.label);
    }
  }
  p.values.resize(p.true_values.size());
  p.classes.resize(p.true_classes.size());
  result.confidence.resize(p.classes.size());
  double sum = 0;
  for (const std::vector<double>& all : processes::gather_numbers(std::span<const double>(numbers))) {
    for (NumberReader reader(all); !reader.done();) {
      sum += reader.next();
      for (std::int64_t left = reader.next_count(); left > 0; --left) {
        const auto row = static_cast<std::size_t>(reader.next_count());
        const double value = reader.next(), probability = reader.next();
        if (data.regression) {
          p.values[row] = value;
        } else {
          p.classes[row] = static_cast<std::int32_t>(value);
          result.confidence[row] = probability;
        }
      }
    }
  }
  result.loss = sum / static_cast<double>(std::max<std::size_t>(data.rows.size(), 1));
  return result;
}

}  // namespace espalier::train
