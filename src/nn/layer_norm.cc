#include "espalier/nn/layer_norm.h"

#include "espalier/ops/layer_norm.h"

namespace espalier::nn {

void LayerNorm::describe(const ParameterList& list, std::int64_t size) {
  list.add("weight", {size}, ParameterRole::kNorm);
  list.add("bias", {size}, ParameterRole::kNorm);
}

LayerNorm::LayerNorm(std::int64_t size, double eps) : eps_(eps) {
  register_parameters([&](const ParameterList& own) { describe(own, size); });
  weight_ = parameter("weight");
  weight_.set_value(Tensor::full({size}, 1.0F));
  bias_ = parameter("bias");
}

Variable LayerNorm::forward(const Variable& x) const {
  return ops::layer_norm(x, weight_, bias_, static_cast<float>(eps_), precision());
}

}  // namespace espalier::nn
