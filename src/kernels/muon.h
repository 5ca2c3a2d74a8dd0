// The update of Muon on one matrix: momentum, its orthogonal factor by Newton-Schulz iteration, the step.
#pragma once

#include <cstdint>

namespace espalier::kernels {

struct MuonStep {
  float gradient_scale;  // clipping
  float momentum, rest;  // and 1 - momentum
  float decay;           // 1 - lr * weight_decay
  double lr;
  bool bfloat16;  // factors of the iteration's products
};

// The rows of a weight that are a matrix: runs of `length` rows, the first of which are `apart` rows apart.
struct MatrixRows {
  std::int64_t first, runs, length, apart;
};

// Updates these rows of `weight` and `momentum`, both [.., width], on the calling thread; `gradient` may be
// null, which means all zeros.
void muon(const MuonStep& step, const MatrixRows& rows, std::int64_t width, const float* gradient,
          float* weight, float* momentum);

}  // namespace espalier::kernels
