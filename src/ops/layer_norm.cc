#include "espalier/ops/layer_norm.h"

#include <fmt/format.h>

#include "kernels/layer_norm.h"
#include "ops/check.h"
#include "ops/kept.h"
#include "ops/slots.h"

namespace espalier::ops {
namespace {

constexpr const char* kLayerNorm = "layer_norm";

void check(const Variable& x, const Variable& weight, const Variable& bias, float eps) {
  require_defined(kLayerNorm, "x", x);
  require_defined(kLayerNorm, "weight", weight);
  require_defined(kLayerNorm, "bias", bias);
  require_least_rank(kLayerNorm, "x", x.shape(), 1);
  const Shape row{x.shape().columns()};
  require_shape(kLayerNorm, "weight", weight.shape(), row, "last axis of x", x.shape());
  require_shape(kLayerNorm, "bias", bias.shape(), row, "last axis of x", x.shape());
  if (!(eps >= 0)) fail(kLayerNorm, fmt::format("eps must be at least 0, got {}", eps));
}

}  // namespace

Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, float eps,
                    Precision precision) {
  check(x, weight, bias, eps);
  const std::int64_t rows = x.shape().rows();
  const std::int64_t width = x.shape().columns();
  const bool save = records_gradient({x, weight, bias});
  Tensor y = Tensor::empty(x.shape());
  Tensor mean = save ? Tensor::empty({rows}) : Tensor();
  Tensor scale = save ? Tensor::empty({rows}) : Tensor();
  kernels::layer_norm(rows, width, x.value().data(), weight.value().data(), bias.value().data(), eps,
                      y.data(), mean.data(), scale.data());
  const Kept kept = save ? Kept(x.value(), precision) : Kept();
  return record(kLayerNorm, std::move(y), {x.without_value(), weight, bias},
                [rows, width, mean, scale, kept](const Tensor& dy, std::span<Variable> in) {
                  const kernels::LayerNormGradients gradients{slot_if_wanted(in[0]), slot_if_wanted(in[1]),
                                                              slot_if_wanted(in[2])};
                  kernels::layer_norm_backward(rows, width, kept.value().data(), in[1].value().data(),
                                               mean.data(), scale.data(), dy.data(), gradients);
                });
}

}  // namespace espalier::ops
