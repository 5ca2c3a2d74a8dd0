#include "kernels/kl_divergence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/softmax.h"

namespace espalier::kernels {
namespace {

// log sum exp(x) of a row, of which softmax(x) is `shares`: the largest share is not rounded to 0.
double log_sum(std::int64_t classes, const float* x, const float* shares) {
  const std::int64_t top = std::max_element(x, x + classes) - x;
  return static_cast<double>(x[top]) - std::log(static_cast<double>(shares[top]));
}

}  // namespace

void kl_divergence(std::int64_t rows, std::int64_t classes, const float* x, const float* target,
                   double* losses, float* difference) {
  parallel_for(rows, row_grain(classes), [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> wanted(static_cast<std::size_t>(classes));
    for (std::int64_t row = begin; row < end; ++row) {
      const float* own = x + row * classes;
      const float* other = target + row * classes;
      float* out = difference + row * classes;
      softmax_row(classes, own, out);
      softmax_row(classes, other, wanted.data());
      // sum p ((z - log sum exp z) - (x - log sum exp x)), where p sums to 1
      double sum = 0;
      for (std::int64_t i = 0; i < classes; ++i) {
        const float share = wanted[static_cast<std::size_t>(i)];
        sum += static_cast<double>(share) * (static_cast<double>(other[i]) - static_cast<double>(own[i]));
      }
      losses[row] = sum + log_sum(classes, own, out) - log_sum(classes, other, wanted.data());
      for (std::int64_t i = 0; i < classes; ++i) out[i] -= wanted[static_cast<std::size_t>(i)];
    }
  });
}

}  // namespace espalier::kernels
