#include "kernels/muon.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/muon.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

// momentum = its moving average with g, update = that average looking one step ahead (Nesterov).
void average(const MuonStep& step, std::int64_t count, const float* gradient, float* momentum,
             float* update) {
  const RowTag d;
  const RowVector scale = hn::Set(d, step.gradient_scale);
  const RowVector keep = hn::Set(d, step.momentum), rest = hn::Set(d, step.rest);
  for_each_vector(count, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector g = gradient == nullptr ? hn::Zero(d) : hn::Mul(access.load(gradient + i), scale);
    const RowVector m = hn::Add(hn::Mul(access.load(momentum + i), keep), hn::Mul(g, rest));
    access.store(m, momentum + i);
    access.store(hn::Add(hn::Mul(m, keep), hn::Mul(g, rest)), update + i);
  });
}

// y = a x + b y
void combine(std::int64_t count, float a, const float* x, float b, float* y) {
  const RowTag d;
  const RowVector of_x = hn::Set(d, a), of_y = hn::Set(d, b);
  for_each_vector(count, [&](std::int64_t i, auto access) HWY_ATTR {
    access.store(hn::Add(hn::Mul(access.load(x + i), of_x), hn::Mul(access.load(y + i), of_y)), y + i);
  });
}

void multiply_all(std::int64_t count, float factor, float* x) {
  const RowVector factors = hn::Set(RowTag(), factor);
  for_each_vector(count, [&](std::int64_t i, auto access)
                             HWY_ATTR { access.store(hn::Mul(access.load(x + i), factors), x + i); });
}

float sum_of_squares(std::int64_t count, const float* x) {
  return sum_over(count, [&](std::int64_t i, auto access) HWY_ATTR {
    const RowVector value = access.load(x + i);
    return hn::Mul(value, value);
  });
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/bfloat16.h"
#include "kernels/matmul.h"
#include "kernels/scratch.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(average);
HWY_EXPORT(combine);
HWY_EXPORT(multiply_all);
HWY_EXPORT(sum_of_squares);

// Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024): a s + b s^3 + c s^5, as
// steep at zero as five steps allow.
constexpr int kSteps = 5;
constexpr float kA = 3.4445F, kB = -4.7750F, kC = 2.0315F;
constexpr double kSmallestNorm = 1e-7;
// Updates then have the root mean square of AdamW's, so that rates tuned for one suit the other (Liu et al.,
// arXiv 2502.16982).
constexpr double kSizeOfAdamW = 0.2;

// A matrix as products read it: itself, or a copy in bfloat16.
class Factor {
 public:
  Factor(std::int64_t count, std::int64_t stride, bool bfloat16, float* values)
      : values_(values), count_(count), stride_(stride), rounded_(bfloat16 ? count : 0) {}
  // After the values have changed. They are rounded too: a step is then a polynomial of one matrix, which
  // mends what rounding did to it; of two that differ it has twice the error.
  void refresh() {
    if (rounded_.size() == 0) return;
    round_to_bfloat16_serial(count_, values_, rounded_.data());
    widen_bfloat16_serial(count_, rounded_.data(), values_);
  }
  template <class Element>
  BasicMatrixView<Element> view(bool transposed = false) const {
    if constexpr (std::is_same_v<Element, float>)
      return {values_, stride_, transposed};
    else
      return {rounded_.data(), stride_, transposed};
  }

 private:
  float* values_;
  std::int64_t count_, stride_;
  Scratch<Bfloat16> rounded_;
};

template <class Element>
void iterate(std::int64_t rows, std::int64_t columns, float* x) {
  constexpr bool kRounds = !std::is_same_v<Element, float>;
  const bool tall = rows > columns;
  const std::int64_t side = std::min(rows, columns), squares = side * side;
  Scratch<float> gram(squares), fourth(squares), product(rows * columns);
  Factor of_x(rows * columns, columns, kRounds, x), of_gram(squares, side, kRounds, gram.data());
  for (int step = 0; step < kSteps; ++step) {
    of_x.refresh();
    matmul_serial(side, side, std::max(rows, columns), of_x.view<Element>(tall), of_x.view<Element>(!tall),
                  {gram.data(), false}, side);
    of_gram.refresh();
    matmul_serial(side, side, side, of_gram.view<Element>(), of_gram.view<Element>(), {fourth.data(), false},
                  side);
    HWY_DYNAMIC_DISPATCH(combine)(squares, kC, fourth.data(), kB, gram.data());
    of_gram.refresh();
    const Factor &left = tall ? of_x : of_gram, &right = tall ? of_gram : of_x;
    matmul_serial(rows, columns, side, left.view<Element>(), right.view<Element>(), {product.data(), false},
                  columns);
    HWY_DYNAMIC_DISPATCH(combine)(rows * columns, 1.0F, product.data(), kA, x);
  }
}

// x = U V^T of x = U S V^T, nearly: singular values from a hundredth of the Frobenius norm on come to lie
// between 0.68 and 1.14, smaller ones between 0 and there.
void orthogonalize(std::int64_t rows, std::int64_t columns, bool bfloat16, float* x) {
  double squares = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    squares += static_cast<double>(HWY_DYNAMIC_DISPATCH(sum_of_squares)(columns, x + row * columns));
  }
  const double norm = std::max(std::sqrt(squares), kSmallestNorm);
  HWY_DYNAMIC_DISPATCH(multiply_all)(rows * columns, static_cast<float>(1.0 / norm), x);
  if (bfloat16) {
    iterate<Bfloat16>(rows, columns, x);
  } else {
    iterate<float>(rows, columns, x);
  }
}

}  // namespace

void muon(const MuonStep& step, const MatrixRows& rows, std::int64_t width, const float* gradient,
          float* weight, float* momentum) {
  const std::int64_t all = rows.runs * rows.length, run_size = rows.length * width;
  Scratch<float> update(all * width);
  const auto for_each_run = [&](auto&& work) {
    for (std::int64_t run = 0; run < rows.runs; ++run) {
      work((rows.first + run * rows.apart) * width, update.data() + run * run_size);
    }
  };
  for_each_run([&](std::int64_t at, float* own) {
    HWY_DYNAMIC_DISPATCH(average)
    (step, run_size, gradient == nullptr ? nullptr : gradient + at, momentum + at, own);
  });
  orthogonalize(all, width, step.bfloat16, update.data());
  const double longer = static_cast<double>(std::max(all, width));
  const auto change = static_cast<float>(-step.lr * kSizeOfAdamW * std::sqrt(longer));
  for_each_run([&](std::int64_t at, const float* own) {
    HWY_DYNAMIC_DISPATCH(combine)(run_size, change, own, step.decay, weight + at);
  });
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
