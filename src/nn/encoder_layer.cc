#include "espalier/nn/encoder_layer.h"

#include "espalier/ops/elementwise.h"
#include "espalier/ops/gather.h"
#include "espalier/ops/shape.h"
#include "nn/dropout.h"

namespace espalier::nn {

void EncoderLayer::describe(const ParameterList& list, const EncoderOptions& options) {
  LayerNorm::describe(list.child("norm1"), options.hidden_size);
  SelfAttention::describe(list.child("attn", ModelPart::kAttention), options);
  if (!has_feed_forward(options.ffn)) return;
  LayerNorm::describe(list.child("norm2"), options.hidden_size);
  describe_feed_forward(list.child("ffn", ModelPart::kFeedForward), options);
}

EncoderLayer::EncoderLayer(const EncoderOptions& options)
    : placement_(options.norm_placement),
      attention_dropout_(options.attention.output_dropout ? options.dropout : 0.0),
      dropout_(options.dropout),
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

Variable EncoderLayer::before(const LayerNorm& norm, const Variable& x) const {
  return placement_ == NormPlacement::kPre ? norm.forward(x) : x;
}

Variable EncoderLayer::after(const LayerNorm& norm, const Variable& sum) const {
  return placement_ == NormPlacement::kPost ? norm.forward(sum) : sum;
}

Variable EncoderLayer::forward(const Variable& x, const Tokens& tokens, ForwardContext& context) {
  return finish(x, attention_.forward(before(norm1_, x), tokens, context), context);
}

Variable EncoderLayer::forward_at(const Variable& x, const Tokens& tokens, const IntTensor& positions,
                                  ForwardContext& context) {
  const Shape& shape = x.shape();
  const Variable rows = ops::reshape(x, {shape.rows(), shape.columns()});
  // Before the norm: in backward the norm comes first and fills the gradient, to which these rows are added.
  const Variable kept = ops::gather_rows(rows, positions);
  const Variable normal = before(norm1_, rows);
  return finish(kept, attention_.forward_at(normal, tokens, positions, context), context);
}

Variable EncoderLayer::finish(const Variable& x, const Variable& attended, ForwardContext& context) {
  const Variable middle = after(norm1_, ops::add(x, apply_dropout(attended, attention_dropout_, context)));
  if (!feed_forward_) return middle;
  const Variable read = before(*norm2_, middle);
  const Variable fed = feed_forward_->forward(read, context);
  if (context.traces != nullptr) context.traces->push_back({read, fed});
  return after(*norm2_, ops::add(middle, apply_dropout(fed, dropout_, context)));
}

}  // namespace espalier::nn
