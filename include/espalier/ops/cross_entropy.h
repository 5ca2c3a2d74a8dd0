// Cross entropy of logits with target classes.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

struct CrossEntropyOptions {
  // Rows with this target count nowhere: neither in the loss nor in the mean, and their gradient is zero.
  std::int64_t ignore_index = -100;
  // [C]: weight of a row by its target; the mean is divided by the sum of weights. Undefined: 1 each.
  Tensor class_weights = {};
};

// The mean over counted rows of log sum_j exp(x_j) - x_target, in nats, a scalar; logits [..., C],
// targets of the shape of the logits without the last axis. As torch's cross_entropy, but 0,
// not NaN, where no row counts. Keeps the logits and the targets for backward: do not change them before it.
// InputError if a shape does not fit or a target is neither a class nor ignore_index.
Variable cross_entropy(const Variable& logits, const IntTensor& targets,
                       const CrossEntropyOptions& options = {});

}  // namespace espalier::ops
