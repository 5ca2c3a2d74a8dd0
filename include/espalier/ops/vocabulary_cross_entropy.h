// The language-model head and its loss in one operation that never holds the logits of all tokens.
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

struct VocabularyLossOptions {
  // The loss is the sum over rows divided by this; 0: by the number of rows (the mean). For gradients
  // accumulated over micro-batches, give each the rows of the whole batch: their losses then add up.
  double total_count = 0;
  // Of the products; with bf16 the gradient of the logits is rounded too. Logits, softmax and loss are
  // float32.
  Precision precision = Precision::kFloat32;
};

// The mean (see options) over rows of -log softmax(hidden table^T + bias)[target], in nats, a scalar; hidden
// [n,d], table [V,d] (the word embedding, where it is tied), bias [V] or undefined, targets [n] in 0 .. V-1.
// `correct`, if given, receives how many targets are the first of the largest logits of their row.
//
// Logits exist for at most 559 rows at a time. If gradients are recorded they are computed here, with the
// loss, and scaled in backward by what comes from above; they occupy n d + V d (+ V) floats until then. The
// table's is handed over without a copy where it is the first to arrive. Rows are taken in chunks of 512, in
// order: a batch gives the table and the bias the bits of its chunks accumulated one after the other.
// InputError if a shape does not fit, a target is outside the vocabulary, or total_count is negative.
Variable vocabulary_cross_entropy(const Variable& hidden, const Variable& table, const Variable& bias,
                                  const IntTensor& targets, const VocabularyLossOptions& options = {},
                                  std::int64_t* correct = nullptr);

}  // namespace espalier::ops
