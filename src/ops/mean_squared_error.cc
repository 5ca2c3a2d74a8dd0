#include "espalier/ops/mean_squared_error.h"

#include <fmt/format.h>

#include "kernels/mean_squared_error.h"
#include "ops/check.h"

namespace espalier::ops {

Variable mean_squared_error(const Variable& prediction, const Tensor& target) {
  constexpr const char* kName = "mean_squared_error";
  require_defined(kName, "prediction", prediction);
  if (!target.defined()) fail(kName, "target must be given, got an undefined tensor");
  require_shape(kName, "target", target.shape(), prediction.shape(), "shape of prediction");
  const std::int64_t n = target.size();
  if (n == 0) {
    fail(kName, fmt::format("prediction must have at least one element, got {}", target.shape().str()));
  }
  const double total = kernels::sum_of_squared_differences(n, prediction.value().data(), target.data());
  const Tensor loss = Tensor::full(Shape(), static_cast<float>(total / static_cast<double>(n)));
  return record(kName, loss, {prediction}, [n, target](const Tensor& dloss, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    const auto factor = static_cast<float>(2.0 * static_cast<double>(*dloss.data()) / static_cast<double>(n));
    kernels::squared_differences_backward(n, factor, in[0].value().data(), target.data(), dx);
  });
}

}  // namespace espalier::ops
