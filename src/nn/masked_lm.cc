#include "espalier/nn/masked_lm.h"

#include "espalier/ops/linear.h"
#include "espalier/ops/vocabulary_cross_entropy.h"

namespace espalier::nn {

static IntTensor as_tensor(const std::vector<std::int32_t>& values) {
  return IntTensor::from({static_cast<std::int64_t>(values.size())}, values);
}

void MaskedLm::describe(const ParameterList& list, const CrammedBertOptions& options) {
  // A module's own parameters come before those of its children.
  if (options.decoder_bias) {
    list.add("decoder.bias", {options.embedding.vocab_size}, ParameterRole::kBias);
  }
  CrammedBert::describe(list.child("encoder"), options);
}

MaskedLm::MaskedLm(const CrammedBertOptions& options) : encoder_(options) {
  register_module("encoder", encoder_);
  register_parameters([&](const ParameterList& own) { describe(own, options); });
  decoder_bias_ = parameter("decoder.bias");
}

MaskedLmResult MaskedLm::loss(const IntTensor& ids, const Tensor& mask,
                              const std::vector<std::int32_t>& positions,
                              const std::vector<std::int32_t>& targets, double total_count,
                              ForwardContext& context) {
  MaskedLmResult result;
  ops::VocabularyLossOptions options;
  options.total_count = total_count;
  result.loss = ops::vocabulary_cross_entropy(encoder_.forward_at(ids, mask, as_tensor(positions), context),
                                              encoder_.word_embedding(), decoder_bias_, as_tensor(targets),
                                              options, &result.correct);
  return result;
}

Variable MaskedLm::logits(const IntTensor& ids, const Tensor& mask,
                          const std::vector<std::int32_t>& positions, ForwardContext& context) {
  return ops::linear(encoder_.forward_at(ids, mask, as_tensor(positions), context), encoder_.word_embedding(),
                     decoder_bias_);
}

}  // namespace espalier::nn
