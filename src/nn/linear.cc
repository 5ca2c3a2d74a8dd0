#include "espalier/nn/linear.h"

#include "espalier/ops/gather.h"
#include "espalier/ops/linear.h"

namespace espalier::nn {

void Linear::describe(const ParameterList& list, std::int64_t in, std::int64_t out, bool bias,
                      const LinearWeight& weight) {
  list.add("weight", {out, in}, weight.role, Int8Form::kBytes, weight.turns);
  if (bias) list.add("bias", {out}, ParameterRole::kBias);
}

Linear::Linear(std::int64_t in, std::int64_t out, bool bias, const LinearWeight& weight) {
  register_parameters([&](const ParameterList& own) { describe(own, in, out, bias, weight); });
  weight_ = parameter("weight");
  bias_ = parameter("bias");
}

void Linear::prepare_weights() {
  if (precision() == ops::Precision::kInt8) quantized_ = quantized("weight");
  if (precision() == ops::Precision::kBf16) rounded_ = ops::rounded_weight(weight_);
}

Variable Linear::forward(const Variable& x) const {
  if (precision() == ops::Precision::kInt8) return ops::quantized_linear(x, quantized_, bias_);
  if (precision() == ops::Precision::kBf16 && rounded_.defined()) return ops::linear(x, rounded_, bias_);
  return ops::linear(x, weight_, bias_, precision());
}

Variable Linear::forward_rows(const Variable& x, const IntTensor& rows) const {
  const Variable bias = bias_.defined() ? ops::gather_rows(bias_, rows) : Variable();
  if (precision() == ops::Precision::kInt8) return ops::quantized_linear(x, quantized_.rows(rows), bias);
  return ops::linear(x, ops::gather_rows(weight_, rows), bias, precision());
}

}  // namespace espalier::nn
