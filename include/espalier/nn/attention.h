// The attention block of an encoder layer: projections, multi-head scaled dot-product attention (Vaswani et
// al., "Attention is all you need", 2017; ops/attention.h), output projection:
//   y = dropout(softmax(q k^T / sqrt(d / heads) + mask)) v W_dense^T,  (q, k, v) by head from x W_qkv^T.
#pragma once

#include "espalier/nn/context.h"
#include "espalier/nn/linear.h"
#include "espalier/nn/options.h"
#include "espalier/nn/tokens.h"
#include "espalier/ops/attention.h"

namespace espalier::nn {

// Parameters, named and laid out as in the original:
// `self_attention.query_key_value.weight` [3d, d], rows per head: q, k, v of head 0, of head 1 ...;
// `dense.weight`.
class SelfAttention : public Module {
 public:
  explicit SelfAttention(const EncoderOptions& options);
  static void describe(const ParameterList& list, const EncoderOptions& options);
  // x [B,S,d], or of packed tokens [N,d] -> the same. InputError if a shape does not fit, or with rotary
  // positions if a sequence is longer than the position table.
  Variable forward(const Variable& x, const Tokens& tokens, ForwardContext& context) const;
  // The same at some flat positions [n], which must ascend, without dropout: rows x [B S, d] or [N,d] ->
  // [n,d].
  Variable forward_at(const Variable& x, const Tokens& tokens, const IntTensor& positions,
                      ForwardContext& context) const;

 private:
  ops::AttentionOptions operation(const Tokens& tokens, ForwardContext& context) const;
  AttentionOptions options_;
  ops::RotaryTable rotary_;
  Linear query_key_value_;
  // Rows of its weight: those that make queries [d], and those that make keys and values [2d].
  IntTensor query_rows_, key_value_rows_;
  Linear dense_;
};

}  // namespace espalier::nn
