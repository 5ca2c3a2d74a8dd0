#pragma once

#include "espalier/nn/context.h"
#include "espalier/nn/linear.h"
#include "espalier/nn/options.h"
#include "espalier/ops/attention.h"

namespace espalier::nn {

// Multi-head self-attention with its output projection. Parameters, named and laid out as in the original:
// `self_attention.query_key_value.weight` [3d, d], rows per head: q, k, v of head 0, of head 1 ...;
// `dense.weight`.
class SelfAttention : public Module {
 public:
  explicit SelfAttention(const CrammedBertOptions& options);
  // x [B,S,d]; mask [B,S] with 1 for tokens to see and 0 for padding, or undefined for no padding.
  Variable forward(const Variable& x, const Tensor& mask, ForwardContext& context) const;

 private:
  AttentionOptions options_;
  ops::RotaryTable rotary_;
  Linear query_key_value_;
  Linear dense_;
};

}  // namespace espalier::nn
