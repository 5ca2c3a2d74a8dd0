#include "espalier/nn/embedding.h"

#include <fmt/format.h>

#include <cmath>

#include "espalier/base/error.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/embedding.h"
#include "espalier/ops/gather.h"
#include "espalier/ops/positions.h"
#include "espalier/ops/shape.h"
#include "nn/dropout.h"

namespace espalier::nn {

void BertEmbedding::describe(const ParameterList& list, const EmbeddingOptions& options,
                             std::int64_t hidden_size) {
  list.add("word_embedding.weight", {options.vocab_size, hidden_size}, ParameterRole::kEmbedding,
           Int8Form::kBytes);
  if (options.positions == Positions::kScaledSinusoidal) {
    list.add("pos_embedding.scale_factor", {1}, ParameterRole::kScale);
  } else if (options.positions == Positions::kLearned) {
    list.add("pos_embedding.embedding.weight", {options.max_positions, hidden_size},
             ParameterRole::kEmbedding);
  }
  if (options.token_types > 0) {
    list.add("token_type_embedding.weight", {options.token_types, hidden_size}, ParameterRole::kEmbedding);
  }
  if (options.norm) LayerNorm::describe(list.child("norm"), hidden_size);
}

BertEmbedding::BertEmbedding(const EmbeddingOptions& options, std::int64_t hidden_size, double norm_eps)
    : options_(options), hidden_size_(hidden_size) {
  register_parameters([&](const ParameterList& own) { describe(own, options, hidden_size); });
  words_ = parameter("word_embedding.weight");
  scale_ = parameter("pos_embedding.scale_factor");
  position_table_ = parameter("pos_embedding.embedding.weight");
  type_table_ = parameter("token_type_embedding.weight");
  if (scale_.defined()) {
    const float initial = static_cast<float>(1.0 / std::sqrt(static_cast<double>(hidden_size)));
    scale_.set_value(Tensor::full({1}, initial));
    sinusoids_ = ops::sinusoid_table(options.max_positions, hidden_size);
  }
  if (options.norm) {
    norm_ = std::make_unique<LayerNorm>(hidden_size, norm_eps);
    register_module("norm", *norm_);
  }
}

void BertEmbedding::prepare_weights() {
  if (precision() == ops::Precision::kInt8) quantized_words_ = quantized("word_embedding.weight");
}

// The rows [0, length) of the position table, [length, d].
Variable BertEmbedding::positions(std::int64_t length) const {
  if (!scale_.defined()) return ops::slice(position_table_, 0, 0, length);
  return ops::multiply_scalar(Variable(sinusoids_.slice_rows(0, length)), scale_);
}

// x with the position of each token added.
Variable BertEmbedding::placed(const Variable& x, const Tokens& tokens, std::int64_t length) const {
  if (tokens.packed()) return ops::add(x, ops::gather_rows(positions(length), places_of(tokens)));
  const Shape& shape = x.shape();
  const std::int64_t width = length * hidden_size_;
  const Variable sum = ops::add(ops::reshape(x, {shape[0], width}), ops::reshape(positions(length), {width}));
  return ops::reshape(sum, shape);
}

// The vectors of the tokens' types [B,S,d].
Variable BertEmbedding::types(const Tokens& tokens) const {
  if (tokens.types.defined()) return ops::embedding(tokens.types, type_table_);
  return ops::embedding(IntTensor::zeros(tokens.ids.shape()), type_table_);
}

Variable BertEmbedding::forward(const Tokens& tokens, ForwardContext& context) const {
  validate(tokens);
  const std::int64_t length = longest_of(tokens);
  if (length > options_.max_positions) {
    throw InputError(
        fmt::format("embedding: sequences of {} tokens are longer than the {} positions of the model "
                    "(arch.embedding.max_positions)",
                    length, options_.max_positions));
  }
  Variable x = precision() == ops::Precision::kInt8 ? ops::quantized_embedding(tokens.ids, quantized_words_)
                                                    : ops::embedding(tokens.ids, words_, options_.pad_id);
  if (options_.positions != Positions::kNone) x = placed(x, tokens, length);
  if (type_table_.defined()) x = ops::add(x, types(tokens));
  if (norm_) x = norm_->forward(x);
  return apply_dropout(x, options_.dropout, context);
}

}  // namespace espalier::nn
