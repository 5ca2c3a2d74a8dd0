#include "train/objective.h"

#include "espalier/ops/elementwise.h"
#include "espalier/ops/shape.h"

namespace espalier::train {

Variable add_entropy(const Variable& loss, std::span<const Variable> entropies, double weight) {
  if (weight == 0.0 || entropies.empty()) return loss;
  Variable sum = entropies[0];
  for (std::size_t i = 1; i < entropies.size(); ++i) sum = ops::add(sum, entropies[i]);
  const Variable mean = ops::scale(sum, static_cast<float>(weight / static_cast<double>(entropies.size())));
  return ops::add(loss, ops::reshape(mean, loss.shape()));
}

double mean_value(std::span<const Variable> values) {
  double sum = 0;
  for (const Variable& value : values) sum += static_cast<double>(value.item());
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace espalier::train
