// The entropy of a coin: H(c) = -c ln c - (1 - c) ln(1 - c) in nats, with c clamped to [limit, 1 - limit].
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// y = H(c). Parallel; y may be c. NaN gives NaN. Error below 2e-7; the slope's below 1e-6.
void binary_entropy(std::int64_t n, float limit, const float* c, float* y);
// dc = dy (ln(1 - c) - ln c), 0 where c was clamped; += with `accumulate`. dc may be dy.
void binary_entropy_backward(std::int64_t n, float limit, const float* c, const float* dy, Destination dc);

}  // namespace espalier::kernels
