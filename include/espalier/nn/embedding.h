// What the first layer reads:  dropout(LayerNorm(word[id] + position[place])).
#pragma once

#include <memory>

#include "espalier/nn/context.h"
#include "espalier/nn/layer_norm.h"
#include "espalier/nn/options.h"

namespace espalier::nn {

// Parameters, named as in the original:
// `word_embedding.weight` [vocabulary, d], `pos_embedding.scale_factor` [1] or
// `pos_embedding.embedding.weight` [positions, d], `norm.*`.
class BertEmbedding : public Module {
 public:
  BertEmbedding(const EmbeddingOptions& options, std::int64_t hidden_size, double norm_eps);
  static void describe(const ParameterList& list, const EmbeddingOptions& options, std::int64_t hidden_size);
  // ids [B,S] -> [B,S,d]. InputError if S is longer than the position table or an id is outside the
  // vocabulary.
  Variable forward(const IntTensor& ids, ForwardContext& context) const;
  const Variable& word_embedding() const { return words_; }

 private:
  Variable positions(std::int64_t length) const;

  EmbeddingOptions options_;
  std::int64_t hidden_size_;
  Variable words_;
  Variable scale_;
  Variable position_table_;
  Tensor sinusoids_;
  std::unique_ptr<LayerNorm> norm_;
};

}  // namespace espalier::nn
