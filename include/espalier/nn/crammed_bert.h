#pragma once

#include <memory>
#include <vector>

#include "espalier/nn/embedding.h"
#include "espalier/nn/encoder_layer.h"

namespace espalier::nn {

// The encoder of "Cramming" (arXiv 2212.14034) with feedforward layers as in UltraFastBERT (arXiv
// 2311.10770).
class CrammedBert : public Module {
 public:
  // Throws InputError if `options` contradict each other. Weights are zero until initialize() or loading.
  explicit CrammedBert(const CrammedBertOptions& options);
  // ids [B,S]; mask [B,S] or undefined -> hidden states [B,S,d].
  Variable forward(const IntTensor& ids, const Tensor& mask, ForwardContext& context);
  const CrammedBertOptions& options() const { return options_; }
  const Variable& word_embedding() const { return embedding_.word_embedding(); }

 private:
  CrammedBertOptions options_;
  BertEmbedding embedding_;
  std::vector<std::unique_ptr<EncoderLayer>> layers_;
  std::unique_ptr<LayerNorm> final_norm_;
};

// Initial weights as in the original: N(0, std^2) for embeddings and linear weights, 0 for biases; LayerNorm
// and the position scale keep what their constructors gave them. A function of (seed, name) alone.
void initialize(Module& model, double std, std::uint64_t seed);

}  // namespace espalier::nn
