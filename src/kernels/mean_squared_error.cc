#include "kernels/mean_squared_error.h"

#include "espalier/base/parallel.h"
#include "kernels/grain.h"
#include "kernels/sum_chunks.h"

namespace espalier::kernels {

double sum_of_squared_differences(std::int64_t n, const float* x, const float* target) {
  return sum_chunks(n, [x, target](std::int64_t i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(target[i]);
    return difference * difference;
  });
}

void squared_differences_backward(std::int64_t n, float factor, const float* x, const float* target,
                                  Destination dx) {
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float added = factor * (x[i] - target[i]);
      dx.data[i] = dx.accumulate ? dx.data[i] + added : added;
    }
  });
}

}  // namespace espalier::kernels
