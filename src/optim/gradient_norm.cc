#include "espalier/optim/gradient_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/reduce.h"

namespace espalier::optim {

static double squares_of(const Tensor& gradient, const UnwrittenRows& zero) {
  if (zero == nullptr) return kernels::dot(gradient.size(), gradient.data(), gradient.data());
  const auto rows = static_cast<std::int64_t>(zero->size());
  return kernels::squares_of_rows(rows, gradient.size() / rows, zero->data(), gradient.data());
}

GradientNorm gradient_norm(const std::vector<nn::NamedParameter>& parameters) {
  GradientNorm result;
  double sum = 0;
  for (const nn::NamedParameter& parameter : parameters) {
    if (!parameter.value.requires_grad()) continue;
    const Tensor& gradient = parameter.value.partial_grad();
    if (!gradient.defined()) continue;
    const double squares = squares_of(gradient, parameter.value.unwritten_rows());
    if (!std::isfinite(squares) && result.finite) {
      result.finite = false;
      result.not_finite = parameter.name;
    }
    sum += squares;
  }
  result.norm = std::sqrt(sum);
  return result;
}

double clip_factor(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

}  // namespace espalier::optim
