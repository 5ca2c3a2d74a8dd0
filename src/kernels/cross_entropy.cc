#include "kernels/cross_entropy.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cross_entropy.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

float largest_of(std::int64_t classes, const float* x) {
  return max_over(classes, x);
}

// Sum of exp(x - largest).
float sum_of_exponentials(std::int64_t classes, const float* x, float largest) {
  const RowVector shift = hn::Set(RowTag(), largest);
  return sum_over(classes, [&](std::int64_t i, auto access)
                               HWY_ATTR { return exp_or_nan(hn::Sub(access.load(x + i), shift)); });
}

// The same, leaving the exponentials in x.
float exponentials_in_place(std::int64_t classes, float* x, float largest) {
  return exponentiate(classes, largest, x);
}

void scale_row(std::int64_t classes, float factor, float* x) {
  const RowVector factors = hn::Set(RowTag(), factor);
  for_each_vector(classes, [&](std::int64_t i, auto access)
                               HWY_ATTR { access.store(hn::Mul(access.load(x + i), factors), x + i); });
}

// dx = (or +=) factor * exp(x - largest)
void gradient_row(std::int64_t classes, const float* x, float largest, float factor, bool accumulate,
                  float* dx) {
  const RowVector shift = hn::Set(RowTag(), largest);
  const RowVector factors = hn::Set(RowTag(), factor);
  for_each_vector(classes, [&](std::int64_t i, auto access) HWY_ATTR {
    RowVector value = hn::Mul(factors, exp_or_nan(hn::Sub(access.load(x + i), shift)));
    if (accumulate) value = hn::Add(access.load(dx + i), value);
    access.store(value, dx + i);
  });
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(largest_of);
HWY_EXPORT(sum_of_exponentials);
HWY_EXPORT(exponentials_in_place);
HWY_EXPORT(scale_row);
HWY_EXPORT(gradient_row);

// Whether no logit is above that of the target, and none before it is as high.
bool is_first_largest(const float* logits, std::int64_t target, float largest) {
  return logits[target] == largest && std::find(logits, logits + target, largest) == logits + target;
}

}  // namespace

RowLoss cross_entropy_row(std::int64_t classes, const float* logits, std::int64_t target) {
  const float largest = HWY_DYNAMIC_DISPATCH(largest_of)(classes, logits);
  const float sum = HWY_DYNAMIC_DISPATCH(sum_of_exponentials)(classes, logits, largest);
  return {(largest - logits[target]) + std::log(sum), is_first_largest(logits, target, largest)};
}

RowLoss cross_entropy_row_in_place(std::int64_t classes, float* logits, std::int64_t target, float factor) {
  const float largest = HWY_DYNAMIC_DISPATCH(largest_of)(classes, logits);
  const bool correct = is_first_largest(logits, target, largest);
  const float below_largest = largest - logits[target];
  const float sum = HWY_DYNAMIC_DISPATCH(exponentials_in_place)(classes, logits, largest);
  HWY_DYNAMIC_DISPATCH(scale_row)(classes, factor / sum, logits);
  logits[target] -= factor;
  return {below_largest + std::log(sum), correct};
}

void cross_entropy(std::int64_t rows, std::int64_t classes, const float* logits, const std::int32_t* targets,
                   std::int64_t ignored, float* losses) {
  parallel_for(rows, row_grain(classes), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      losses[row] = targets[row] == ignored
                        ? 0.0F
                        : cross_entropy_row(classes, logits + row * classes, targets[row]).loss;
    }
  });
}

void cross_entropy_backward(std::int64_t rows, std::int64_t classes, const float* logits,
                            const std::int32_t* targets, std::int64_t ignored, const float* factors,
                            Destination dlogits) {
  parallel_for(rows, row_grain(classes), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* x = logits + row * classes;
      float* dx = dlogits.data + row * classes;
      if (targets[row] == ignored) {
        if (!dlogits.accumulate) std::fill_n(dx, classes, 0.0F);
        continue;
      }
      const float largest = HWY_DYNAMIC_DISPATCH(largest_of)(classes, x);
      const float sum = HWY_DYNAMIC_DISPATCH(sum_of_exponentials)(classes, x, largest);
      HWY_DYNAMIC_DISPATCH(gradient_row)(classes, x, largest, factors[row] / sum, dlogits.accumulate, dx);
      dx[targets[row]] -= factors[row];
    }
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
