// A transformer layer.
//   pre-norm:   h = x + dropout(attention(norm1(x))),  y = h + dropout(feedforward(norm2(h)))
//   post-norm:  h = norm1(x + dropout(attention(x))),  y = norm2(h + dropout(feedforward(h)))
#pragma once

#include <memory>

#include "espalier/nn/attention.h"
#include "espalier/nn/feed_forward.h"
#include "espalier/nn/layer_norm.h"

namespace espalier::nn {

// Parameters: `norm1.*`, `attn.*`, `norm2.*`, `ffn.*`.
class EncoderLayer : public Module {
 public:
  explicit EncoderLayer(const EncoderOptions& options);
  static void describe(const ParameterList& list, const EncoderOptions& options);
  // x [B,S,d], or of packed tokens [N,d] -> the same.
  Variable forward(const Variable& x, const Tokens& tokens, ForwardContext& context);
  // The same at some flat positions [n], which must ascend, without dropout -> [n,d]. Of the other positions
  // only keys and values are computed.
  Variable forward_at(const Variable& x, const Tokens& tokens, const IntTensor& positions,
                      ForwardContext& context);

  // Null where the options ask for none.
  FeedForward* feed_forward() { return feed_forward_.get(); }

 private:
  // What follows attention: residual, then the second half. All of x's shape.
  Variable finish(const Variable& x, const Variable& attended, ForwardContext& context);
  // What a half of the layer reads, and what becomes of its sum.
  Variable before(const LayerNorm& norm, const Variable& x) const;
  Variable after(const LayerNorm& norm, const Variable& sum) const;

  NormPlacement placement_;
  double attention_dropout_;  // of what attention gives
  double dropout_;            // of what the feedforward layer gives
  LayerNorm norm1_;
  SelfAttention attention_;
  std::unique_ptr<FeedForward> feed_forward_;  // null: no second half
  std::unique_ptr<LayerNorm> norm2_;
};

}  // namespace espalier::nn
