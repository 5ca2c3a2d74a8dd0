// Small pieces that the soft forms of neuron trees and leaf trees share.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"
#include "kernels/soft_paths.h"

namespace espalier::kernels {

// Tokens of a task of elementwise work.
inline constexpr std::int64_t kSoftTokenGrain = 16;

// Calls body(begin, end, sums) over ranges of tokens and adds the ranges' sums in their order.
template <class Body>
SoftSums sum_over_tokens(std::int64_t tokens, std::int64_t grain, const Body& body) {
  PoolVector<SoftSums> parts(static_cast<std::size_t>((tokens + grain - 1) / grain));
  parallel_for(tokens, grain, [&](std::int64_t begin, std::int64_t end) {
    body(begin, end, parts[static_cast<std::size_t>(begin / grain)]);
  });
  SoftSums sums;
  for (const SoftSums& part : parts) sums.add(part);
  return sums;
}

// logits [tokens, outputs] = x [tokens, width] weight^T, weight [outputs, width].
inline void dense_logits(std::int64_t tokens, std::int64_t outputs, const float* x, const float* weight,
                         std::int64_t width, float* logits) {
  matmul(tokens, outputs, width, {x, width}, {weight, width, true}, false, logits, outputs);
}

// dx [tokens, width] = dlogit [tokens, outputs] weight [outputs, width], or +=.
inline void dense_input_gradient(std::int64_t tokens, std::int64_t outputs, const float* dlogit,
                                 const float* weight, std::int64_t width, Destination dx) {
  if (dx.data == nullptr) return;
  matmul(tokens, width, outputs, {dlogit, outputs}, {weight, width}, dx.accumulate, dx.data, width);
}

// dweight [outputs, width] = dlogit [tokens, outputs]^T x [tokens, width], or +=.
inline void dense_weight_gradient(std::int64_t tokens, std::int64_t outputs, const float* dlogit,
                                  const float* x, std::int64_t width, Destination dweight) {
  if (dweight.data == nullptr) return;
  matmul_over_rows(outputs, width, tokens, dlogit, outputs, x, width, dweight.accumulate, dweight.data,
                   width);
}

// dbias [outputs] = column sums of dlogit [tokens, outputs], or +=.
inline void dense_bias_gradient(std::int64_t tokens, std::int64_t outputs, const float* dlogit,
                                Destination dbias) {
  if (dbias.data == nullptr) return;
  sum_over_rows(tokens, outputs, dlogit, dbias.accumulate, dbias.data);
}

}  // namespace espalier::kernels
