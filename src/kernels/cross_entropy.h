// Cross entropy of rows of logits with a target class each: log sum_j exp(x_j) - x_target, shifted by the
// row's maximum so that no logit overflows. A row with a NaN gives NaN.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// losses[r] for logits [rows, classes]; 0 where targets[r] is `ignored`. Other targets must be classes.
// Parallel over rows.
void cross_entropy(std::int64_t rows, std::int64_t classes, const float* logits, const std::int32_t* targets,
                   std::int64_t ignored, float* losses);

// dlogits[r] = (or +=) factors[r] * (softmax(logits[r]) - onehot(targets[r])); zero for ignored rows.
void cross_entropy_backward(std::int64_t rows, std::int64_t classes, const float* logits,
                            const std::int32_t* targets, std::int64_t ignored, const float* factors,
                            Destination dlogits);

struct RowLoss {
  float loss;
  bool correct;  // the target is the first of the largest logits
};

// One row on the calling thread.
RowLoss cross_entropy_row(std::int64_t classes, const float* logits, std::int64_t target);
// The same, and replaces the logits by factor * (softmax - onehot(target)).
RowLoss cross_entropy_row_in_place(std::int64_t classes, float* logits, std::int64_t target, float factor);

}  // namespace espalier::kernels
