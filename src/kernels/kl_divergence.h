// Kullback-Leibler divergence between two distributions that are given by their logits.
#pragma once

#include <cstdint>

namespace espalier::kernels {

// losses[r] = KL(softmax(target[r,:]) || softmax(x[r,:])) for x, target [rows, classes], and
// difference[r,:] = softmax(x[r,:]) - softmax(target[r,:]), the gradient of that. Parallel over rows; a row
// that holds NaN gives NaN.
void kl_divergence(std::int64_t rows, std::int64_t classes, const float* x, const float* target,
                   double* losses, float* difference);

}  // namespace espalier::kernels
