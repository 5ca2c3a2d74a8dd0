#include "espalier/nn/layer_norm.h"

#include "espalier/ops/layer_norm.h"

namespace espalier::nn {

LayerNorm::LayerNorm(std::int64_t size, double eps)
    : weight_(register_parameter("weight", ParameterRole::kNorm, Tensor::full({size}, 1.0F))),
      bias_(register_parameter("bias", ParameterRole::kNorm, Tensor::zeros({size}))),
      eps_(eps) {}

Variable LayerNorm::forward(const Variable& x) const {
  return ops::layer_norm(x, weight_, bias_, static_cast<float>(eps_));
}

}  // namespace espalier::nn
