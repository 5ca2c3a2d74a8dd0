// Products over all nodes (or hidden units, or leaves) of a layer at once, and their gradients: what the
// dense forms are made of. `outputs` is how many there are, one weight row each.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

// logits [tokens, outputs] = x [tokens, width] weight^T, weight [outputs, width].
inline void dense_logits(std::int64_t tokens, std::int64_t outputs, const float* x, const float* weight,
                         std::int64_t width, float* logits) {
  matmul(tokens, outputs, width, {x, width}, {weight, width, true}, logits, outputs);
}

// dx [tokens, width] = dlogit [tokens, outputs] weight [outputs, width], or +=.
inline void dense_input_gradient(std::int64_t tokens, std::int64_t outputs, const float* dlogit,
                                 const float* weight, std::int64_t width, Destination dx) {
  if (!dx.wanted()) return;
  matmul(tokens, width, outputs, {dlogit, outputs}, {weight, width}, dx, width);
}

// dweight [outputs, width] = dlogit [tokens, outputs]^T x [tokens, width], or +=.
inline void dense_weight_gradient(std::int64_t tokens, std::int64_t outputs, const float* dlogit,
                                  const float* x, std::int64_t width, Destination dweight) {
  if (!dweight.wanted()) return;
  matmul_over_rows(outputs, width, tokens, dlogit, outputs, x, width, dweight, width);
}

// dbias [outputs] = column sums of dlogit [tokens, outputs], or +=.
inline void dense_bias_gradient(std::int64_t tokens, std::int64_t outputs, const float* dlogit,
                                Destination dbias) {
  if (!dbias.wanted()) return;
  sum_over_rows(tokens, outputs, dlogit, dbias);
}

}  // namespace espalier::kernels
