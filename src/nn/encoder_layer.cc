#include "espalier/nn/encoder_layer.h"

#include "espalier/ops/elementwise.h"
#include "nn/dropout.h"

namespace espalier::nn {

EncoderLayer::EncoderLayer(const CrammedBertOptions& options)
    : dropout_(options.dropout),
      norm1_(options.hidden_size, options.norm_eps),
      attention_(options),
      feed_forward_(make_feed_forward(options)) {
  register_module("norm1", norm1_);
  register_module("attn", attention_);
  if (!feed_forward_) return;
  norm2_ = std::make_unique<LayerNorm>(options.hidden_size, options.norm_eps);
  register_module("norm2", *norm2_);
  register_module("ffn", *feed_forward_);
}

Variable EncoderLayer::forward(const Variable& x, const Tensor& mask, ForwardContext& context) {
  const Variable attended = attention_.forward(norm1_.forward(x), mask, context);
  const Variable middle = ops::add(x, apply_dropout(attended, dropout_, context));
  if (!feed_forward_) return middle;
  const Variable fed = feed_forward_->forward(norm2_->forward(middle), context);
  return ops::add(middle, apply_dropout(fed, dropout_, context));
}

}  // namespace espalier::nn
