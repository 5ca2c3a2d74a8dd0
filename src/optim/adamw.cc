#include "espalier/optim/adamw.h"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "kernels/adamw.h"
#include "kernels/reduce.h"

namespace espalier::optim {

AdamW::AdamW(std::vector<nn::NamedParameter> parameters, const AdamWOptions& options) : options_(options) {
  for (nn::NamedParameter& parameter : parameters) {
    if (!parameter.value.requires_grad()) continue;
    const Shape shape = parameter.value.shape();
    slots_.push_back({std::move(parameter.name), std::move(parameter.value), nn::decays(parameter.role),
                      Tensor::zeros(shape), Tensor::zeros(shape)});
  }
}

void AdamW::step(double lr, double gradient_scale) {
  ++steps_;
  const double t = static_cast<double>(steps_);
  kernels::AdamWStep step{};
  step.gradient_scale = static_cast<float>(gradient_scale);
  step.beta1 = static_cast<float>(options_.beta1);
  step.beta2 = static_cast<float>(options_.beta2);
  step.rest1 = static_cast<float>(1.0 - options_.beta1);
  step.rest2 = static_cast<float>(1.0 - options_.beta2);
  step.step_size = static_cast<float>(lr / (1.0 - std::pow(options_.beta1, t)));
  step.root_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.beta2, t)));
  step.eps = static_cast<float>(options_.eps);
  for (AdamWSlot& slot : slots_) {
    step.decay = slot.decays ? static_cast<float>(1.0 - lr * options_.weight_decay) : 1.0F;
    const Tensor& gradient = slot.parameter.grad();
    kernels::adamw(step, slot.exp_avg.size(), gradient.defined() ? gradient.data() : nullptr,
                   slot.parameter.mutable_value().data(), slot.exp_avg.data(), slot.exp_avg_sq.data());
  }
}

GradientNorm gradient_norm(const std::vector<AdamWSlot>& slots) {
  GradientNorm result;
  double sum = 0;
  for (const AdamWSlot& slot : slots) {
    if (!slot.parameter.grad().defined()) continue;
    const Tensor& gradient = slot.parameter.grad();
    const double squares = kernels::dot(gradient.size(), gradient.data(), gradient.data());
    if (!std::isfinite(squares) && result.finite) {
      result.finite = false;
      result.not_finite = slot.name;
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
