#include "espalier/optim/optimizer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "espalier/base/error.h"

namespace espalier::optim {
namespace {

using Parameters = std::vector<nn::NamedParameter>;

// Those that are Muon's, or those that are not.
Parameters part_of(const Parameters& parameters, OptimizerKind kind, bool of_muon) {
  Parameters part;
  std::copy_if(parameters.begin(), parameters.end(), std::back_inserter(part), [&](const auto& one) {
    return of_muon == (kind == OptimizerKind::kMuon && one.role == nn::ParameterRole::kHiddenMatrix);
  });
  return part;
}

}  // namespace

std::string optimizer_name(OptimizerKind kind) {
  return kind == OptimizerKind::kMuon ? "muon" : "adamw";
}

Optimizer::Optimizer(Parameters parameters, const OptimizerOptions& options)
    : parameters_(std::move(parameters)),
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
