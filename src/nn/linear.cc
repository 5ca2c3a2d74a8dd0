#include "espalier/nn/linear.h"

#include "espalier/ops/gather.h"
#include "espalier/ops/linear.h"

namespace espalier::nn {

Linear::Linear(std::int64_t in, std::int64_t out, bool bias)
    : weight_(register_parameter("weight", ParameterRole::kMatrix, Tensor::zeros({out, in}))) {
  if (bias) bias_ = register_parameter("bias", ParameterRole::kBias, Tensor::zeros({out}));
}

Variable Linear::forward(const Variable& x) const {
  return ops::linear(x, weight_, bias_);
}

Variable Linear::forward_rows(const Variable& x, const IntTensor& rows) const {
  return ops::linear(x, ops::gather_rows(weight_, rows),
                     bias_.defined() ? ops::gather_rows(bias_, rows) : Variable());
}

}  // namespace espalier::nn
