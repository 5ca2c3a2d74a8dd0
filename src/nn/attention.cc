#include "espalier/nn/attention.h"

#include "nn/dropout.h"

namespace espalier::nn {

SelfAttention::SelfAttention(const CrammedBertOptions& options)
    : options_(options.attention),
      query_key_value_(options.hidden_size, 3 * options.hidden_size, options.attention.qkv_bias),
      dense_(options.hidden_size, options.hidden_size, options.use_bias) {
  if (options_.rotary) {
    rotary_ = ops::make_rotary_table(options.embedding.max_positions, options.hidden_size / options_.heads);
  }
  register_module("self_attention.query_key_value", query_key_value_);
  register_module("dense", dense_);
}

Variable SelfAttention::forward(const Variable& x, const Tensor& mask, ForwardContext& context) const {
  ops::AttentionOptions attention;
  attention.heads = static_cast<int>(options_.heads);
  attention.mask = mask;
  attention.rotary = rotary_;
  attention.key = next_dropout_key(context);
  if (context.dropout) attention.dropout = static_cast<float>(options_.dropout);
  return dense_.forward(ops::attention(query_key_value_.forward(x), attention));
}

}  // namespace espalier::nn
