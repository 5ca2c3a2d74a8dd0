#include "espalier/optim/adamw.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "espalier/base/parallel.h"
#include "kernels/adamw.h"

namespace espalier::optim {
namespace {

constexpr std::int64_t kRowsSearched = 64;  // a task

bool is_zero(std::int64_t count, const float* values) {
  return std::all_of(values, values + count,
                     [](float value) { return std::bit_cast<std::uint32_t>(value) == 0; });
}

void find_resting(const AdamWSlot& slot, PoolVector<char>& resting) {
  const std::int64_t rows = slot.exp_avg.shape()[0], width = slot.exp_avg.size() / rows;
  const float* const first = slot.exp_avg.data();
  const float* const second = slot.exp_avg_sq.data();
  resting.resize(static_cast<std::size_t>(rows));
  parallel_for(rows, kRowsSearched, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const bool rests = is_zero(width, first + row * width) && is_zero(width, second + row * width);
      resting[static_cast<std::size_t>(row)] = rests ? 1 : 0;
    }
  });
}

}  // namespace

AdamW::AdamW(std::vector<nn::NamedParameter> parameters, const AdamWOptions& options) : options_(options) {
  for (nn::NamedParameter& parameter : parameters) {
    if (!parameter.value.requires_grad()) continue;
    const Shape shape = parameter.value.shape();
    slots_.push_back({std::move(parameter.name), std::move(parameter.value), nn::decays(parameter.role),
                      Tensor::zeros(shape), Tensor::zeros(shape)});
  }
  resting_.resize(slots_.size());
}

std::vector<AdamWSlot>& AdamW::slots() {
  for (PoolVector<char>& resting : resting_) resting.clear();
  return slots_;
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
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    AdamWSlot& slot = slots_[i];
    if (!slot.parameter.requires_grad()) continue;
    PoolVector<char>& resting = resting_[i];
    step.decay = slot.decays ? static_cast<float>(1.0 - lr * options_.weight_decay) : 1.0F;
    const Tensor& gradient = slot.parameter.partial_grad();
    const UnwrittenRows& zero = slot.parameter.unwritten_rows();
    const std::int64_t count = slot.exp_avg.size();
    float* const weight = slot.parameter.mutable_value().data();
    if (zero == nullptr) {
      if (gradient.defined()) resting.clear();
      kernels::adamw(step, count, gradient.defined() ? gradient.data() : nullptr, weight, slot.exp_avg.data(),
                     slot.exp_avg_sq.data());
      continue;
    }
    if (resting.empty()) find_resting(slot, resting);
    const auto rows = static_cast<std::int64_t>(zero->size());
    kernels::adamw_rows(step, rows, count / rows, zero->data(), resting.data(), gradient.data(), weight,
                        slot.exp_avg.data(), slot.exp_avg_sq.data());
    for (std::size_t row = 0; row < resting.size(); ++row) resting[row] &= (*zero)[row];
  }
}

}  // namespace espalier::optim
