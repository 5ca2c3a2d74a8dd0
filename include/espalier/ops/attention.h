// Multi-head self-attention over packed projections.
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/ops/dropout.h"
#include "espalier/ops/positions.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

struct AttentionOptions {
  std::int64_t heads = 1;
  // Rotates neighbours (2i, 2i+1) of queries and keys by their position's angles; undefined: no rotation.
  // Must have positions for the longest sequence and the head_dim of this call.
  RotaryTable rotary = {};
  // [B,S], 1 for tokens and 0 for padding: adds (1 - mask) * -10000 to the scores of all queries for that
  // key, as the original does; padded positions still produce outputs. Undefined: nothing is masked.
  Tensor mask = {};
  // [B+1], ascending from 0: the inputs are the rows [N,...] of B sequences of different lengths, one after
  // the other; those of sequence b are first_rows[b] to first_rows[b + 1] - 1. Nothing is padding then, so
  // there is no mask. Undefined: all sequences have S rows.
  IntTensor first_rows = {};
  // Probability with which each attention probability is dropped, the rest scaled by 1 / (1 - p); in [0, 1).
  // Drawn from index site << 32 of `key` on, and drawn again in backward.
  float dropout = 0.0F;
  DropoutKey key = {};
  // Of the scores; 0: 1 / sqrt(head_dim).
  float scale = 0.0F;
  // Of the products. With bf16 all that they read is rounded: queries, keys (after the rotation again),
  // values, probabilities, and in backward the gradients; of the inputs only what was rounded waits for it.
  Precision precision = Precision::kFloat32;
};

// y [B,S,d] (or [N,d], with first_rows) = dropout(softmax(scale q k^T + mask)) v, heads concatenated, for qkv
// [B,S,3d] or [N,3d] in which head h of head_dim = d / heads holds the columns from 3 head_dim h on, as q, k,
// v (the layout of GPT-NeoX and of the original). Vaswani et al., "Attention is all you need" (2017),
// section 3.2. Keeps qkv, mask and first_rows for backward, which must not change before it, and nothing of
// size S^2. InputError if a shape or an option does not fit.
Variable attention(const Variable& qkv, const AttentionOptions& options);

// Attention of the queries at some positions: query [n,d] of the flat positions [n] of [B,S] or [N], which
// must ascend; key_value [B,S,2d] or [N,2d], in which head h holds the columns from 2 head_dim h on, as k, v
// -> [n,d], those rows of the above. Without dropout, whose numbers are drawn by positions.
// Keeps these tensors for backward as above, and the positions.
Variable attention_at(const Variable& query, const Variable& key_value, const IntTensor& positions,
                      const AttentionOptions& options);

}  // namespace espalier::ops
