// What updates a model: AdamW, or Muon for the weights that it is made for with AdamW for all others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/optim/adamw.h"
#include "espalier/optim/gradient_norm.h"
#include "espalier/optim/muon.h"

namespace espalier::optim {

enum class OptimizerKind { kAdamW, kMuon };
// "adamw" or "muon"
std::string optimizer_name(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  AdamWOptions adamw = {};
  MuonOptions muon = {};
};

class Optimizer {
 public:
  // With kMuon, Muon has those that are nn::ParameterRole::kHiddenMatrix; InputError if none of them learns.
  // Parameters that require no gradient now are left out.
  Optimizer(std::vector<nn::NamedParameter> parameters, const OptimizerOptions& options);

  // Of all that it updates.
  GradientNorm gradient_norm() const { return optim::gradient_norm(parameters_); }
  // One update of both, with one learning rate.
  void step(double lr, double gradient_scale);

  // Of those done so far, on which AdamW's steps depend.
  std::int64_t steps() const { return adamw_.steps(); }
  void set_steps(std::int64_t steps) { adamw_.set_steps(steps); }

  AdamW& adamw() { return adamw_; }
  const AdamW& adamw() const { return adamw_; }
  Muon& muon() { return muon_; }
  const Muon& muon() const { return muon_; }

 private:
  std::vector<nn::NamedParameter> parameters_;
  AdamW adamw_;
  Muon muon_;  // of nothing, with kAdamW
};

}  // namespace espalier::optim
