#include "espalier/nn/linear.h"

#include "espalier/ops/gather.h"
#include "espalier/ops/linear.h"

namespace espalier::nn {

void Linear::describe(const ParameterList& list, std::int64_t in, std::int64_t out, bool bias) {
  list.add("weight", {out, in}, ParameterRole::kMatrix);
  if (bias) list.add("bias", {out}, ParameterRole::kBias);
}

Linear::Linear(std::int64_t in, std::int64_t out, bool bias) {
  register_parameters([&](const ParameterList& own) { describe(own, in, out, bias); });
  weight_ = parameter("weight");
  bias_ = parameter("bias");
}

Variable Linear::forward(const Variable& x) const {
  return ops::linear(x, weight_, bias_, precision());
}

Variable Linear::forward_rows(const Variable& x, const IntTensor& rows) const {
  return ops::linear(x, ops::gather_rows(weight_, rows),
                     bias_.defined() ? ops::gather_rows(bias_, rows) : Variable(), precision());
}

}  // namespace espalier::nn
