#include "espalier/ops/kl_divergence.h"

#include <fmt/format.h>

#include <vector>

#include "kernels/elementwise.h"
#include "kernels/kl_divergence.h"
#include "ops/check.h"

namespace espalier::ops {

Variable kl_divergence(const Variable& logits, const Tensor& target, double total_count) {
  constexpr const char* kName = "kl_divergence";
  require_defined(kName, "logits", logits);
  require_rank(kName, "logits", logits.shape(), 2);
  if (!target.defined()) fail(kName, "target must be given, got an undefined tensor");
  require_shape(kName, "target", target.shape(), logits.shape(), "shape of logits");
  const std::int64_t rows = logits.shape()[0];
  if (logits.shape()[1] == 0)
    fail(kName, fmt::format("logits must have classes, got {}", logits.shape().str()));
  if (!(total_count > 0) && rows > 0)
    fail(kName, fmt::format("total_count must be above 0, got {}", total_count));
  std::vector<double> losses(static_cast<std::size_t>(rows));
  Tensor difference = Tensor::empty(logits.shape());
  kernels::kl_divergence(rows, logits.shape().columns(), logits.value().data(), target.data(), losses.data(),
                         difference.data());
  double sum = 0;
  for (const double loss : losses) sum += loss;
  const Tensor loss = Tensor::full(Shape(), rows > 0 ? static_cast<float>(sum / total_count) : 0.0F);
  return record(kName, loss, {logits.without_value()},
                [difference, total_count](const Tensor& dloss, std::span<Variable> in) {
                  const auto factor = static_cast<float>(static_cast<double>(*dloss.data()) / total_count);
                  kernels::scale(difference.size(), factor, difference.data(), in[0].grad_slot());
                });
}

}  // namespace espalier::ops
