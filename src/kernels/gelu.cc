#include "kernels/gelu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gelu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/gelu-inl.h"
#include "kernels/map-inl.h"
#include "kernels/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

void gelu_range(std::int64_t n, const float* x, float* y) {
  map(
      Tag(), n, false, y, [](Vector v) HWY_ATTR { return gelu(Tag(), v); }, x);
}

void gelu_backward_range(std::int64_t n, const float* x, const float* dy, bool accumulate, float* dx) {
  const auto chain = [](Vector v, Vector g) HWY_ATTR {
    Vector slope;
    gelu_and_slope(Tag(), v, slope);
    return hn::Mul(g, slope);
  };
  map(Tag(), n, accumulate, dx, chain, x, dy);
}

// sigmoid(2 u) in place of (1 + tanh u) / 2, which would lose the lower tail to cancellation; with
// u = sqrt(2 / pi) (x + 0.044715 x^3). Beyond 1e12 the cube is past what float32 holds, and the result no
// other.
HWY_INLINE Vector tanh_gate(Vector x) {
  const Vector a = hn::Clamp(x, hn::Set(Tag(), -1e12F), hn::Set(Tag(), 1e12F));
  const Vector factor =
      hn::MulAdd(hn::Mul(a, a), hn::Set(Tag(), 2.0F * 0.0356774081F), hn::Set(Tag(), 2.0F * 0.797884561F));
  return sigmoid(Tag(), hn::Mul(a, factor));
}

void gelu_tanh_range(std::int64_t n, const float* x, float* y) {
  map(
      Tag(), n, false, y, [](Vector v) HWY_ATTR { return hn::Mul(v, tanh_gate(v)); }, x);
}

// s + x s (1 - s) u'(x), s the gate and u' = 2 sqrt(2 / pi) (1 + 3 * 0.044715 x^2), which s (1 - s)
// outweighs.
void gelu_tanh_backward_range(std::int64_t n, const float* x, const float* dy, bool accumulate, float* dx) {
  const auto chain = [](Vector v, Vector g) HWY_ATTR {
    const Vector gate = tanh_gate(v);
    const Vector a = hn::Clamp(v, hn::Set(Tag(), -64.0F), hn::Set(Tag(), 64.0F));
    const Vector inner =
        hn::MulAdd(hn::Mul(a, a), hn::Set(Tag(), 6.0F * 0.0356774081F), hn::Set(Tag(), 2.0F * 0.797884561F));
    const Vector both = hn::Mul(gate, hn::Sub(hn::Set(Tag(), 1.0F), gate));
    const Vector slope = hn::MulAdd(hn::Mul(a, inner), both, gate);
    return hn::Mul(g, hn::IfThenElse(hn::IsNaN(v), v, slope));
  };
  map(Tag(), n, accumulate, dx, chain, x, dy);
}

void gelu_and_slope_range(std::int64_t n, const float* x, float* y, float* slope) {
  const auto both = [](Vector& s, Vector v) HWY_ATTR { return gelu_and_slope(Tag(), v, s); };
  map_two(Tag(), n, false, y, slope, both, x);
}

void gated_gelu_row(std::int64_t width, const float* x, float* y) {
  const auto gated = [](Vector v, Vector gate) HWY_ATTR { return hn::Mul(v, gelu(Tag(), gate)); };
  map(Tag(), width, false, y, gated, x, x + width);
}

void gated_gelu_backward_row(std::int64_t width, const float* x, const float* dy, bool accumulate,
                             float* dx) {
  const auto both = [](Vector& to_gate, Vector v, Vector gate, Vector g) HWY_ATTR {
    Vector slope;
    const Vector activation = gelu_and_slope(Tag(), gate, slope);
    to_gate = hn::Mul(hn::Mul(g, v), slope);
    return hn::Mul(g, activation);
  };
  map_two(Tag(), width, accumulate, dx, dx + width, both, x, x + width, dy);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(gelu_range);
HWY_EXPORT(gelu_backward_range);
HWY_EXPORT(gelu_tanh_range);
HWY_EXPORT(gelu_tanh_backward_range);
HWY_EXPORT(gelu_and_slope_range);
HWY_EXPORT(gated_gelu_row);
HWY_EXPORT(gated_gelu_backward_row);

}  // namespace

void gelu(std::int64_t n, const float* x, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gelu_range)(end - begin, x + begin, y + begin);
  });
}

void gelu_backward(std::int64_t n, const float* x, const float* dy, Destination dx) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gelu_backward_range)
    (end - begin, x + begin, dy + begin, dx.accumulate, dx.data + begin);
  });
}

void gelu_tanh(std::int64_t n, const float* x, float* y) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gelu_tanh_range)(end - begin, x + begin, y + begin);
  });
}

void gelu_tanh_backward(std::int64_t n, const float* x, const float* dy, Destination dx) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gelu_tanh_backward_range)
    (end - begin, x + begin, dy + begin, dx.accumulate, dx.data + begin);
  });
}

void gelu_serial(std::int64_t n, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(gelu_range)(n, x, y);
}

void gelu_and_slope_serial(std::int64_t n, const float* x, float* y, float* slope) {
  HWY_DYNAMIC_DISPATCH(gelu_and_slope_range)(n, x, y, slope);
}

void gated_gelu(std::int64_t rows, std::int64_t width, const float* x, float* y) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(gated_gelu_row)(width, x + row * 2 * width, y + row * width);
    }
  });
}

void gated_gelu_backward(std::int64_t rows, std::int64_t width, const float* x, const float* dy,
                         Destination dx) {
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(gated_gelu_backward_row)
      (width, x + row * 2 * width, dy + row * width, dx.accumulate, dx.data + row * 2 * width);
    }
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
