// Dropout whose mask is a function of a counter, never stored: backward draws it again.
#pragma once

#include <cstdint>

#include "espalier/base/philox.h"
#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// y[i] = x[i] / (1 - p) where random.uniform(first + i) >= p, else 0; += with `accumulate`. It is its own
// backward. p in [0, 1), first a multiple of 4. Parallel; y may be x.
void dropout(std::int64_t n, float p, const Philox& random, std::uint64_t first, const float* x,
             Destination y);

}  // namespace espalier::kernels
