// The update of AdamW over a flat range of a parameter.
#pragma once

#include <cstdint>

namespace espalier::kernels {

struct AdamWStep {
  float gradient_scale;  // clipping
  float decay;           // 1 - lr * weight_decay, or 1
  float beta1, beta2;
  float rest1, rest2;  // 1 - beta, rounded once: in float, 1 - 0.999 is off by 1.3e-5 of itself
  float step_size;     // lr / (1 - beta1^t)
  float root_scale;    // 1 / sqrt(1 - beta2^t)
  float eps;
};

// Updates `weight`, `exp_avg` and `exp_avg_sq`; `gradient` may be null, which means all zeros.
void adamw(const AdamWStep& step, std::int64_t count, const float* gradient, float* weight, float* exp_avg,
           float* exp_avg_sq);

// The same for rows of `width`, of whose gradient those with zero[row] are zeros and are not read. Of these,
// rows with resting[row] have moments of zero too, so that their weights only decay.
void adamw_rows(const AdamWStep& step, std::int64_t rows, std::int64_t width, const char* zero,
                const char* resting, const float* gradient, float* weight, float* exp_avg, float* exp_avg_sq);

}  // namespace espalier::kernels
