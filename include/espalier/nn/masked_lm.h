// Masked language modelling of Devlin et al., "BERT" (2019), with a decoder tied to the word embedding W:
//   logits = hidden W^T (+ bias),  the loss their cross entropy with the hidden words; no head transform.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/nn/crammed_bert.h"

namespace espalier::nn {

// What a masked-LM forward pass gives back.
struct MaskedLmResult {
  Variable loss;             // sum of the cross entropies of all predicted positions / total count
  std::int64_t correct = 0;  // predictions whose most likely word is the target
};

// Parameters: `encoder.*`, and `decoder.bias` where the architecture has one.
class MaskedLm : public Module {
 public:
  explicit MaskedLm(const CrammedBertOptions& options);
  static void describe(const ParameterList& list, const CrammedBertOptions& options);

  // The loss on `positions` (flat indices into [B,S]) with `targets`, divided by `total_count`: give the
  // number of predictions of the whole update when it is summed over micro-batches.
  MaskedLmResult loss(const IntTensor& ids, const Tensor& mask, const std::vector<std::int32_t>& positions,
                      const std::vector<std::int32_t>& targets, double total_count, ForwardContext& context);
  // Logits [n, vocabulary] of the given flat positions.
  Variable logits(const IntTensor& ids, const Tensor& mask, const std::vector<std::int32_t>& positions,
                  ForwardContext& context);

  CrammedBert& encoder() { return encoder_; }
  const CrammedBertOptions& options() const { return encoder_.options(); }

 private:
  CrammedBert encoder_;
  Variable decoder_bias_;
};

}  // namespace espalier::nn
