#include "espalier/nn/attention.h"

#include "espalier/ops/gather.h"
#include "espalier/ops/shape.h"
#include "nn/dropout.h"

namespace espalier::nn {

// The rows [begin, end) of the 3 * width that each head has in the projection's weight.
static IntTensor head_rows(std::int64_t heads, std::int64_t width, std::int64_t begin, std::int64_t end) {
  IntTensor rows = IntTensor::empty({heads * (end - begin)});
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const std::int64_t head = i / (end - begin);
    rows.data()[i] = static_cast<std::int32_t>(head * 3 * width + begin + i % (end - begin));
  }
  return rows;
}

// Rows of queries, keys and values, head by head.
static LinearWeight projection_of(const EncoderOptions& options) {
  return {.turns = {.matrices = 3, .rows = options.hidden_size / options.attention.heads}};
}

void SelfAttention::describe(const ParameterList& list, const EncoderOptions& options) {
  const std::int64_t d = options.hidden_size;
  Linear::describe(list.child("self_attention.query_key_value"), d, 3 * d, options.attention.qkv_bias,
                   projection_of(options));
  Linear::describe(list.child("dense"), d, d, options.use_bias);
}

SelfAttention::SelfAttention(const EncoderOptions& options)
    : options_(options.attention),
      query_key_value_(options.hidden_size, 3 * options.hidden_size, options.attention.qkv_bias,
                       projection_of(options)),
      dense_(options.hidden_size, options.hidden_size, options.use_bias) {
  if (options_.rotary) {
    rotary_ = ops::make_rotary_table(options.embedding.max_positions, options.hidden_size / options_.heads);
  }
  const std::int64_t width = options.hidden_size / options_.heads;
  query_rows_ = head_rows(options_.heads, width, 0, width);
  key_value_rows_ = head_rows(options_.heads, width, width, 3 * width);
  register_module("self_attention.query_key_value", query_key_value_);
  register_module("dense", dense_);
}

ops::AttentionOptions SelfAttention::operation(const Tokens& tokens, ForwardContext& context) const {
  ops::AttentionOptions attention;
  attention.heads = options_.heads;
  attention.mask = tokens.mask;
  attention.first_rows = tokens.first_rows;
  attention.rotary = rotary_;
  attention.key = next_dropout_key(context);
  attention.precision = precision();
  if (context.dropout) attention.dropout = static_cast<float>(options_.dropout);
  return attention;
}

Variable SelfAttention::forward(const Variable& x, const Tokens& tokens, ForwardContext& context) const {
  return dense_.forward(ops::attention(query_key_value_.forward(x), operation(tokens, context)));
}

Variable SelfAttention::forward_at(const Variable& x, const Tokens& tokens, const IntTensor& positions,
                                   ForwardContext& context) const {
  // Queries first: backward comes in the opposite order, so that their few rows are added to a gradient of x
  // which the keys and values have filled.
  const Variable query = query_key_value_.forward_rows(ops::gather_rows(x, positions), query_rows_);
  Variable key_value = query_key_value_.forward_rows(x, key_value_rows_);
  if (!tokens.packed()) {
    const Shape& batch = tokens.ids.shape();
    key_value = ops::reshape(key_value, {batch[0], batch[1], key_value.shape()[1]});
  }
  return dense_.forward(ops::attention_at(query, key_value, positions, operation(tokens, context)));
}

}  // namespace espalier::nn
