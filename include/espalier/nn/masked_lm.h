// Masked language modelling of Devlin et al., "BERT" (2019), with a decoder tied to the word embedding W:
//   logits = transform(hidden) W^T (+ bias),  the loss their cross entropy with the hidden words.
// BERT's transform is LayerNorm(activation(linear(hidden))); a crammed BERT has none.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "espalier/nn/encoder.h"

namespace espalier::nn {

// What a masked-LM forward pass gives back.
struct MaskedLmResult {
  Variable loss;             // sum of the cross entropies of all predicted positions / total count
  std::int64_t correct = 0;  // predictions whose most likely word is the target
};

// Parameters: `encoder.*`, and where the architecture has them `decoder.bias`,
// `transform.dense.{weight,bias}`, `transform.norm.*`, and `pooler.dense.{weight,bias}`, which is only
// carried along.
class MaskedLm : public Module {
 public:
  explicit MaskedLm(const EncoderOptions& options);
  static void describe(const ParameterList& list, const EncoderOptions& options);

  // The loss on `positions` (flat indices into [B,S]) with `targets`, divided by `total_count`: give the
  // number of predictions of the whole update when it is summed over micro-batches. InputError where the
  // architecture has no masked_lm_head, as for logits().
  MaskedLmResult loss(const Tokens& tokens, const std::vector<std::int32_t>& positions,
                      const std::vector<std::int32_t>& targets, double total_count, ForwardContext& context);
  // Logits [n, vocabulary] of the given flat positions.
  Variable logits(const Tokens& tokens, const std::vector<std::int32_t>& positions, ForwardContext& context);

  Encoder& encoder() { return encoder_; }
  const EncoderOptions& options() const { return encoder_.options(); }

 protected:
  void prepare_weights() override;

 private:
  // What the decoder reads: rows [n,d] of the given positions.
  Variable predictions(const Tokens& tokens, const std::vector<std::int32_t>& positions,
                       ForwardContext& context);

  Encoder encoder_;
  std::unique_ptr<Linear> transform_;
  std::unique_ptr<LayerNorm> transform_norm_;
  Variable decoder_bias_;
  Bfloat16Tensor rounded_decoder_;
};

}  // namespace espalier::nn
