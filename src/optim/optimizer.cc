#include "espalier/optim/optimizer.h"

#include <algorithm>

#include "espalier/base/error.h"

namespace espalier::optim {
namespace {

using Parameters = std::vector<nn::NamedParameter>;

Parameters those_that_learn(Parameters parameters) {
  std::erase_if(parameters, [](const nn::NamedParameter& one) { return !one.value.requires_grad(); });
  return parameters;
}

// Those that are Muon's, or those that are not.
Parameters part_of(const Parameters& parameters, OptimizerKind kind, bool of_muon) {
  Parameters part;
  std::copy_if(parameters.begin(), parameters.end(), std::back_inserter(part), [&](const auto& one) {
    return of_muon == (kind == OptimizerKind::kMuon && one.role == nn::ParameterRole::kHiddenMatrix);
  });
  return part;
}

}  // namespace

Optimizer::Optimizer(Parameters parameters, const OptimizerOptions& options)
    : parameters_(those_that_learn(std::move(parameters))),
      adamw_(part_of(parameters_, options.kind, false), options.adamw),
      muon_(part_of(parameters_, options.kind, true), options.muon) {
  if (options.kind == OptimizerKind::kMuon && muon_.slots().empty()) {
    throw InputError(
        "train.optimizer: muon: it is for weights of attention and of dense layers, and none of them is "
        "trained here; use adamw");
  }
}

void Optimizer::step(double lr, double gradient_scale) {
  adamw_.step(lr, gradient_scale);
  muon_.step(lr, gradient_scale);
}

}  // namespace espalier::optim
