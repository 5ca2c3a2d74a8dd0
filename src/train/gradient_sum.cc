#include "train/gradient_sum.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/processes/processes.h"
#include "kernels/elementwise.h"

namespace espalier::train {
namespace {

// The gradient of one parameter over some groups.
struct Part {
  processes::Range range;
  Tensor gradient;
};

// Memory that another parameter's gradient shares is never added to.
void add_to(Tensor& sum, const Tensor& gradient) {
  if (!gradient.defined()) return;
  if (!sum.defined()) {
    sum = gradient;
    return;
  }
  if (sum.shared()) sum = sum.clone();
  kernels::scale(sum.size(), 1.0F, gradient.data(), {sum.data(), true});
}

}  // namespace

GradientSum::GradientSum(nn::Module& model) : model_(model) {
  std::vector<std::int64_t> sizes;
  for (const nn::NamedParameter& parameter : model.parameters()) {
    if (!parameter.value.requires_grad()) continue;
    parameters_.push_back(parameter.value);
    sizes.push_back(parameter.value.shape().elements());
  }
  if (!processes::alone()) exchange_ = std::make_unique<processes::GradientExchange>(std::move(sizes));
}

void GradientSum::begin(std::int64_t groups) {
  model_.clear_gradients();
  groups_ = groups;
  own_ = processes::own_share(groups);
  kept_.clear();
  complete_.assign(parameters_.size(), false);
  if (exchange_) exchange_->begin(groups);
}

std::size_t GradientSum::index_of(const Variable& leaf) const {
  const auto found = std::find(parameters_.begin(), parameters_.end(), leaf);
  return static_cast<std::size_t>(found - parameters_.begin());
}

void GradientSum::add(const Variable& objective, bool last) {
  if (!last || is_plain()) return backward(objective);
  backward(objective, [this](const Variable& leaf) {
    if (const std::size_t index = index_of(leaf); index < parameters_.size()) complete(index);
  });
}

void GradientSum::keep_group(std::int64_t group) {
  Kept& kept = kept_.emplace_back(Kept{{group, group + 1}, {}});
  for (Variable& parameter : parameters_) kept.gradients.push_back(parameter.take_grad());
  processes::add_up(kept_, groups_, [](Kept& left, Kept& right) {
    for (std::size_t i = 0; i < left.gradients.size(); ++i) {
      add_to(left.gradients[i], right.gradients[i]);
      right.gradients[i] = Tensor();
    }
  });
}

// Nothing is added to the parameter's gradient of the last own group any more.
void GradientSum::complete(std::size_t parameter) {
  complete_[parameter] = true;
  Variable& variable = parameters_[parameter];
  PoolVector<Part> parts;
  for (Kept& kept : kept_) parts.push_back({kept.range, std::exchange(kept.gradients[parameter], Tensor())});
  if (own_.size() > 0) parts.push_back({{own_.end - 1, own_.end}, variable.take_grad()});
  processes::add_up(parts, groups_,
                    [](Part& left, const Part& right) { add_to(left.gradient, right.gradient); });
  if (!exchange_) {
    ESPALIER_CHECK(parts.size() == 1);
    return variable.set_grad(std::move(parts[0].gradient));
  }
  // The sum overwrites the first part; where that is no memory of its own there must be some.
  const bool has_memory = !parts.empty() && parts[0].gradient.defined() && !parts[0].gradient.shared();
  Tensor sum = has_memory ? parts[0].gradient : Tensor::empty(variable.shape());
  float* const to = sum.data();
  PoolVector<const float*> own;
  const auto memory = std::make_shared<Tensors>();
  for (Part& part : parts) {
    own.push_back(part.gradient.defined() ? std::as_const(part.gradient).data() : nullptr);
    memory->push_back(std::move(part.gradient));
  }
  memory->push_back(sum);
  exchange_->ready(parameter, own, to, memory);
  variable.set_grad(std::move(sum));
}

void GradientSum::finish() {
  if (is_plain()) return;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!complete_[i]) complete(i);
  }
  if (exchange_) exchange_->wait();
}

}  // namespace espalier::train
