#include "kernels/activations.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activations.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/map-inl.h"
#include "kernels/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

void tanh_range(std::int64_t n, const float* x, float* y) {
  map(
      Tag(), n, false, y, [](Vector v) HWY_ATTR { return hn::Tanh(Tag(), v); }, x);
}

void tanh_backward_range(std::int64_t n, const float* y, const float* dy, bool accumulate, float* dx) {
  const auto chain = [](Vector v, Vector g)
                         HWY_ATTR { return hn::Mul(g, hn::NegMulAdd(v, v, hn::Set(Tag(), 1.0F))); };
  map(Tag(), n, accumulate, dx, chain, y, dy);
}

void sigmoid_range(std::int64_t n, const float* x, float* y) {
  map(
      Tag(), n, false, y, [](Vector v) HWY_ATTR { return sigmoid(Tag(), v); }, x);
}

void sigmoid_backward_range(std::int64_t n, const float* y, const float* dy, bool accumulate, float* dx) {
  const auto chain = [](Vector v, Vector g)
                         HWY_ATTR { return hn::Mul(g, hn::Mul(v, hn::Sub(hn::Set(Tag(), 1.0F), v))); };
  map(Tag(), n, accumulate, dx, chain, y, dy);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(tanh_range);
HWY_EXPORT(tanh_backward_range);
HWY_EXPORT(sigmoid_range);
HWY_EXPORT(sigmoid_backward_range);

}  // namespace

void tanh(std::int64_t n, const float* x, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(tanh_range)(end - begin, x + begin, y + begin);
  });
}

void tanh_backward(std::int64_t n, const float* y, const float* dy, Destination dx) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(tanh_backward_range)
    (end - begin, y + begin, dy + begin, dx.accumulate, dx.data + begin);
  });
}

void sigmoid(std::int64_t n, const float* x, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(sigmoid_range)(end - begin, x + begin, y + begin);
  });
}

void sigmoid_backward(std::int64_t n, const float* y, const float* dy, Destination dx) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(sigmoid_backward_range)
    (end - begin, y + begin, dy + begin, dx.accumulate, dx.data + begin);
  });
}

// Written so that NaN, which compares with nothing, passes through.
void relu(std::int64_t n, const float* x, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = x[i] <= 0.0F ? 0.0F : x[i];
  });
}

void relu_backward(std::int64_t n, const float* y, const float* dy, Destination dx) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float added = y[i] <= 0.0F ? 0.0F : dy[i];
      dx.data[i] = dx.accumulate ? dx.data[i] + added : added;
    }
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
