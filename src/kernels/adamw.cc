#include "kernels/adamw.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/adamw.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

// The order of operations is torch's single-tensor AdamW: decay, moments, denominator, update. Every
// operation is rounded by itself (no fused multiply-add), so all targets give the same bits.
void update(const AdamWStep& step, std::int64_t count, const float* gradient, float* weight, float* exp_avg,
            float* exp_avg_sq) {
  const RowTag d;
  const RowVector scale = hn::Set(d, step.gradient_scale);
  const RowVector beta1 = hn::Set(d, step.beta1);
  const RowVector beta2 = hn::Set(d, step.beta2);
  const RowVector rest1 = hn::Set(d, step.rest1);
  const RowVector rest2 = hn::Set(d, step.rest2);
  const RowVector decay = hn::Set(d, step.decay);
  const RowVector step_size = hn::Set(d, step.step_size);
  const RowVector root_scale = hn::Set(d, step.root_scale);
  const RowVector eps = hn::Set(d, step.eps);
  for_each_vector(count, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector g = gradient == nullptr ? hn::Zero(d) : hn::Mul(access.load(gradient + i), scale);
    const RowVector m = hn::Add(hn::Mul(access.load(exp_avg + i), beta1), hn::Mul(g, rest1));
    const RowVector v = hn::Add(hn::Mul(access.load(exp_avg_sq + i), beta2), hn::Mul(hn::Mul(g, g), rest2));
    access.store(m, exp_avg + i);
    access.store(v, exp_avg_sq + i);
    const RowVector change = hn::Div(m, hn::Add(hn::Mul(hn::Sqrt(v), root_scale), eps));
    access.store(hn::Sub(hn::Mul(access.load(weight + i), decay), hn::Mul(step_size, change)), weight + i);
  });
}

// What update() does to weights whose gradient and moments are zero.
void decay(const AdamWStep& step, std::int64_t count, float* weight) {
  const RowVector factor = hn::Set(RowTag(), step.decay);
  for_each_vector(count, [&](std::int64_t i, auto access) HWY_ATTR {
    access.store(hn::Mul(access.load(weight + i), factor), weight + i);
  });
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <limits>

#include "espalier/base/parallel.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(update);
HWY_EXPORT(decay);

constexpr std::int64_t kGrain = 1 << 15;

}  // namespace

void adamw(const AdamWStep& step, std::int64_t count, const float* gradient, float* weight, float* exp_avg,
           float* exp_avg_sq) {
  parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(update)
    (step, end - begin, gradient == nullptr ? nullptr : gradient + begin, weight + begin, exp_avg + begin,
     exp_avg_sq + begin);
  });
}

void adamw_rows(const AdamWStep& step, std::int64_t rows, std::int64_t width, const char* zero,
                const char* resting, const float* gradient, float* weight, float* exp_avg,
                float* exp_avg_sq) {
  // Without it 0 / (0 + eps) is none.
  const bool may_rest = step.eps >= std::numeric_limits<float>::min();
  const auto rests = [&](std::int64_t row) { return may_rest && zero[row] != 0 && resting[row] != 0; };
  parallel_for(rows, std::max<std::int64_t>(1, kGrain / width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin, last = begin; first < end; first = last) {
      while (last < end && zero[last] == zero[first] && rests(last) == rests(first)) ++last;
      const std::int64_t at = first * width, count = (last - first) * width;
      if (rests(first)) {
        HWY_DYNAMIC_DISPATCH(decay)(step, count, weight + at);
      } else {
        HWY_DYNAMIC_DISPATCH(update)
        (step, count, zero[first] != 0 ? nullptr : gradient + at, weight + at, exp_avg + at, exp_avg_sq + at);
      }
    }
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
