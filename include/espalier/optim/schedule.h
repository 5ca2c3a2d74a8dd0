// Learning rates and batch sizes as functions of the used fraction of the budget. Source: crammed recipe
// (arXiv 2212.14034), `budget-inverse` and progressive batching of its code.
#pragma once

#include <cstdint>

namespace espalier::optim {

enum class ScheduleKind {
  kCrammed,   // min(0.25 + t, 4 (1 - t)): peak 1 at t = 0.75
  kConstant,  // 1 after warm-up
  kLinear,    // falls linearly to 0 after warm-up
  kCosine,    // falls as half a cosine to 0 after warm-up
};

// The factor on the peak learning rate at used fraction `t` of the budget, clamped to [0, 1]. `warmup` is the
// fraction over which all but kCrammed rise linearly from 0.
double learning_rate_factor(ScheduleKind kind, double t, double warmup);

// Sequences of an update at used fraction `t`: grows linearly to `full` at `ramp`, in whole micro-batches:
// min((floor(full t / ramp / micro) + 1) micro, full). `ramp` 0: always `full`.
std::int64_t ramped_batch(std::int64_t full, std::int64_t micro, double ramp, double t);

}  // namespace espalier::optim
