#include "espalier/nn/masked_lm.h"

#include "espalier/base/error.h"
#include "espalier/ops/linear.h"
#include "espalier/ops/vocabulary_cross_entropy.h"
#include "nn/activate.h"

namespace espalier::nn {

static IntTensor as_tensor(const std::vector<std::int32_t>& values) {
  return IntTensor::from({static_cast<std::int64_t>(values.size())}, values);
}

void MaskedLm::describe(const ParameterList& list, const EncoderOptions& options) {
  // A module's own parameters come before those of its children.
  if (options.decoder_bias) {
    list.add("decoder.bias", {options.embedding.vocab_size}, ParameterRole::kBias);
  }
  const std::int64_t d = options.hidden_size;
  if (options.pooler) {
    list.add("pooler.dense.weight", {d, d}, ParameterRole::kCarried);
    list.add("pooler.dense.bias", {d}, ParameterRole::kCarried);
  }
  Encoder::describe(list.child("encoder"), options);
  if (!options.head_transform) return;
  Linear::describe(list.child("transform.dense"), d, d, true);
  LayerNorm::describe(list.child("transform.norm"), d);
}

MaskedLm::MaskedLm(const EncoderOptions& options) : encoder_(options) {
  register_module("encoder", encoder_);
  register_parameters([&](const ParameterList& own) { describe(own, options); });
  decoder_bias_ = parameter("decoder.bias");
  if (!options.head_transform) return;
  transform_ = std::make_unique<Linear>(options.hidden_size, options.hidden_size, true);
  transform_norm_ = std::make_unique<LayerNorm>(options.hidden_size, options.norm_eps);
  register_module("transform.dense", *transform_);
  register_module("transform.norm", *transform_norm_);
}

Variable MaskedLm::predictions(const Tokens& tokens, const std::vector<std::int32_t>& positions,
                               ForwardContext& context) {
  if (!options().masked_lm_head) {
    throw InputError("the model only encodes: it came without the head of a masked language model");
  }
  const Variable hidden = encoder_.forward_at(tokens, as_tensor(positions), context);
  if (!transform_) return hidden;
  return transform_norm_->forward(
      activate(options().ffn.activation, transform_->forward(hidden), precision()));
}

MaskedLmResult MaskedLm::loss(const Tokens& tokens, const std::vector<std::int32_t>& positions,
                              const std::vector<std::int32_t>& targets, double total_count,
                              ForwardContext& context) {
  MaskedLmResult result;
  const Variable read = predictions(tokens, positions, context);
  if (precision() == ops::Precision::kInt8) {
    result.loss = ops::quantized_vocabulary_cross_entropy(read, encoder_.quantized_words(), decoder_bias_,
                                                          as_tensor(targets), total_count, &result.correct);
    return result;
  }
  ops::VocabularyLossOptions options;
  options.total_count = total_count;
  options.precision = precision();
  result.loss = ops::vocabulary_cross_entropy(read, encoder_.word_embedding(), decoder_bias_,
                                              as_tensor(targets), options, &result.correct);
  return result;
}

Variable MaskedLm::logits(const Tokens& tokens, const std::vector<std::int32_t>& positions,
                          ForwardContext& context) {
  const Variable read = predictions(tokens, positions, context);
  if (precision() == ops::Precision::kInt8) {
    return ops::quantized_linear(read, encoder_.quantized_words(), decoder_bias_);
  }
  if (precision() == ops::Precision::kBf16 && rounded_decoder_.defined()) {
    return ops::linear(read, rounded_decoder_, decoder_bias_);
  }
  return ops::linear(read, encoder_.word_embedding(), decoder_bias_, precision());
}

void MaskedLm::prepare_weights() {
  if (precision() == ops::Precision::kBf16 && options().masked_lm_head)
    rounded_decoder_ = ops::rounded_weight(encoder_.word_embedding());
}

}  // namespace espalier::nn
