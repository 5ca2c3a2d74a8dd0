#include "kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

void row_moments(std::int64_t width, const float* x, float eps, float& mean, float& inverse_deviation) {
  const float scale = 1.0F / static_cast<float>(width);
  const float rough =
      scale * sum_over(width, [&](std::int64_t i, auto access) HWY_ATTR { return access.load(x + i); });
  const RowVector shift = hn::Set(RowTag(), rough);
  float squares = 0;
  const float rest = sum_over_two(
      width,
      [&](std::int64_t i, auto access, RowVector& square) HWY_ATTR {
        const RowVector difference = hn::Sub(access.load(x + i), shift);
        square = hn::Mul(difference, difference);
        return difference;
      },
      squares);
  const float correction = scale * rest;
  mean = rough + correction;
  const float variance = std::max(0.0F, scale * squares - correction * correction);
  inverse_deviation = 1.0F / std::sqrt(variance + eps);
}

void forward_row(std::int64_t width, const float* x, const float* weight, const float* bias, float eps,
                 float* y, float& mean, float& inverse_deviation) {
  row_moments(width, x, eps, mean, inverse_deviation);
  const RowVector shift = hn::Set(RowTag(), mean);
  const RowVector scale = hn::Set(RowTag(), inverse_deviation);
  for_each_vector(width, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector normal = hn::Mul(hn::Sub(access.load(x + i), shift), scale);
    access.store(hn::MulAdd(normal, access.load(weight + i), access.load(bias + i)), y + i);
  });
}

void input_gradient_row(std::int64_t width, const float* x, const float* weight, float mean,
                        float inverse_deviation, const float* dy, bool accumulate, float* dx) {
  const RowVector shift = hn::Set(RowTag(), mean);
  const RowVector scale = hn::Set(RowTag(), inverse_deviation);
  float products = 0;
  const float sum = sum_over_two(
      width,
      [&](std::int64_t i, auto access, RowVector& product) HWY_ATTR {
        const RowVector g = hn::Mul(access.load(dy + i), access.load(weight + i));
        product = hn::Mul(g, hn::Mul(hn::Sub(access.load(x + i), shift), scale));
        return g;
      },
      products);
  const RowVector mean_g = hn::Set(RowTag(), sum / static_cast<float>(width));
  const RowVector mean_product = hn::Set(RowTag(), products / static_cast<float>(width));
  for_each_vector(width, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector normal = hn::Mul(hn::Sub(access.load(x + i), shift), scale);
    const RowVector g = hn::Mul(access.load(dy + i), access.load(weight + i));
    RowVector value = hn::Mul(scale, hn::NegMulAdd(normal, mean_product, hn::Sub(g, mean_g)));
    if (accumulate) value = hn::Add(access.load(dx + i), value);
    access.store(value, dx + i);
  });
}

// Adds a row's share to the sums of its panel.
void parameter_gradient_row(std::int64_t width, const float* x, float mean, float inverse_deviation,
                            const float* dy, float* weight_sum, float* bias_sum) {
  const RowVector shift = hn::Set(RowTag(), mean);
  const RowVector scale = hn::Set(RowTag(), inverse_deviation);
  for_each_vector(width, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector g = access.load(dy + i);
    const RowVector normal = hn::Mul(hn::Sub(access.load(x + i), shift), scale);
    access.store(hn::MulAdd(g, normal, access.load(weight_sum + i)), weight_sum + i);
    access.store(hn::Add(g, access.load(bias_sum + i)), bias_sum + i);
  });
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/scratch.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(forward_row);
HWY_EXPORT(input_gradient_row);
HWY_EXPORT(parameter_gradient_row);

constexpr std::int64_t kColumnGrain = 256;  // columns a task when panels are added up

// gradient[j] = (or +=) the sum over panels, in order, of sums[panel * stride + j].
void add_panels(std::int64_t panels, std::int64_t stride, std::int64_t width, const float* sums,
                Destination gradient) {
  parallel_for(width, kColumnGrain, [&](std::int64_t begin, std::int64_t end) {
    if (!gradient.accumulate) std::fill(gradient.data + begin, gradient.data + end, 0.0F);
    for (std::int64_t panel = 0; panel < panels; ++panel) {
      for (std::int64_t j = begin; j < end; ++j) gradient.data[j] += sums[panel * stride + j];
    }
  });
}

}  // namespace

void layer_norm(std::int64_t rows, std::int64_t width, const float* x, const float* weight, const float* bias,
                float eps, float* y, float* mean, float* inverse_deviation) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float row_mean = 0;
      float row_scale = 0;
      HWY_DYNAMIC_DISPATCH(forward_row)
      (width, x + row * width, weight, bias, eps, y + row * width, row_mean, row_scale);
      if (mean != nullptr) mean[row] = row_mean;
      if (inverse_deviation != nullptr) inverse_deviation[row] = row_scale;
    }
  });
}

void layer_norm_backward(std::int64_t rows, std::int64_t width, const float* x, const float* weight,
                         const float* mean, const float* inverse_deviation, const float* dy,
                         const LayerNormGradients& gradients) {
  const bool parameters = gradients.weight.wanted() || gradients.bias.wanted();
  const std::int64_t panels = (rows + kLayerNormRows - 1) / kLayerNormRows;
  Scratch<float> sums(parameters ? panels * 2 * width : 0);
  parallel_for(rows, kLayerNormRows, [&](std::int64_t begin, std::int64_t end) {
    float* panel = sums.data() + begin / kLayerNormRows * 2 * width;
    if (parameters) std::fill(panel, panel + 2 * width, 0.0F);
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t at = row * width;
      if (gradients.x.wanted()) {
        HWY_DYNAMIC_DISPATCH(input_gradient_row)
        (width, x + at, weight, mean[row], inverse_deviation[row], dy + at, gradients.x.accumulate,
         gradients.x.data + at);
      }
      if (parameters) {
        HWY_DYNAMIC_DISPATCH(parameter_gradient_row)
        (width, x + at, mean[row], inverse_deviation[row], dy + at, panel, panel + width);
      }
    }
  });
  if (gradients.weight.wanted()) {
    add_panels(panels, 2 * width, width, sums.data(), gradients.weight);
  }
  if (gradients.bias.wanted()) {
    add_panels(panels, 2 * width, width, sums.data() + width, gradients.bias);
  }
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
