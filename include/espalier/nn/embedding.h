// What the first layer reads:  dropout(LayerNorm(word[id] + position[place] + type[type id])), of the terms
// and steps that the options ask for. The order of the sum is that of BERT's code but for its rounding.
#pragma once

#include <memory>

#include "espalier/nn/context.h"
#include "espalier/nn/layer_norm.h"
#include "espalier/nn/options.h"
#include "espalier/nn/tokens.h"

namespace espalier::nn {

// Parameters, named as in the original:
// `word_embedding.weight` [vocabulary, d], `pos_embedding.scale_factor` [1] or
// `pos_embedding.embedding.weight` [positions, d]; `token_type_embedding.weight` [token types, d]; `norm.*`.
class BertEmbedding : public Module {
 public:
  BertEmbedding(const EmbeddingOptions& options, std::int64_t hidden_size, double norm_eps);
  static void describe(const ParameterList& list, const EmbeddingOptions& options, std::int64_t hidden_size);
  // -> [B,S,d], of packed tokens [N,d]. InputError if the tokens are not valid, a sequence is longer than the
  // position table, an id is outside the vocabulary or a type outside the table of types.
  Variable forward(const Tokens& tokens, ForwardContext& context) const;
  const Variable& word_embedding() const { return words_; }
  // With int8: the bytes that words are read from, and a tied decoder multiplies by.
  const ops::QuantizedWeight& quantized_words() const { return quantized_words_; }

 protected:
  void prepare_weights() override;

 private:
  Variable positions(std::int64_t length) const;
  Variable placed(const Variable& x, const Tokens& tokens, std::int64_t length) const;
  Variable types(const Tokens& tokens) const;

  EmbeddingOptions options_;
  std::int64_t hidden_size_;
  Variable words_;
  ops::QuantizedWeight quantized_words_;
  Variable scale_;
  Variable position_table_;
  Variable type_table_;
  Tensor sinusoids_;
  std::unique_ptr<LayerNorm> norm_;
};

}  // namespace espalier::nn
