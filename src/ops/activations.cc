#include "espalier/ops/activations.h"

#include "kernels/activations.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

using Forward = void (*)(std::int64_t n, const float* x, float* y);
using Backward = void (*)(std::int64_t n, const float* y, const float* dy, Destination dx);

Variable activation(const char* name, const Variable& x, Forward forward, Backward backward) {
  require_defined(name, "x", x);
  const std::int64_t n = x.value().size();
  Tensor y = Tensor::empty(x.shape());
  forward(n, x.value().data(), y.data());
  return record(name, y, {x.without_value()}, [n, y, backward](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    backward(n, y.data(), dy.data(), dx);
  });
}

}  // namespace

Variable tanh(const Variable& x) {
  return activation("tanh", x, kernels::tanh, kernels::tanh_backward);
}

Variable relu(const Variable& x) {
  return activation("relu", x, kernels::relu, kernels::relu_backward);
}

Variable sigmoid(const Variable& x) {
  return activation("sigmoid", x, kernels::sigmoid, kernels::sigmoid_backward);
}

}  // namespace espalier::ops
