#include "kernels/adamw.h"

#include <cmath>

#include "espalier/base/parallel.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kGrain = 1 << 15;

// Memory-bound (five streams of 4 bytes), so a plain loop that the compiler vectorises is as fast as
// intrinsics. The order of operations is torch's single-tensor AdamW: decay, moments, denominator, update.
template <bool kHasGradient>
void update(const AdamWStep& step, std::int64_t count, const float* __restrict gradient,
            float* __restrict weight, float* __restrict exp_avg, float* __restrict exp_avg_sq) {
  const float one_minus_beta1 = 1.0F - step.beta1;
  const float one_minus_beta2 = 1.0F - step.beta2;
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = kHasGradient ? gradient[i] * step.gradient_scale : 0.0F;
    const float m = exp_avg[i] * step.beta1 + g * one_minus_beta1;
    const float v = exp_avg_sq[i] * step.beta2 + g * g * one_minus_beta2;
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    weight[i] = weight[i] * step.decay - step.step_size * (m / (std::sqrt(v) * step.root_scale + step.eps));
  }
}

}  // namespace

void adamw(const AdamWStep& step, std::int64_t count, const float* gradient, float* weight, float* exp_avg,
           float* exp_avg_sq) {
  parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (gradient != nullptr) {
      update<true>(step, end - begin, gradient + begin, weight + begin, exp_avg + begin, exp_avg_sq + begin);
    } else {
      update<false>(step, end - begin, nullptr, weight + begin, exp_avg + begin, exp_avg_sq + begin);
    }
  });
}

}  // namespace espalier::kernels
