#include "espalier/nn/classifier.h"

#include "espalier/ops/activations.h"
#include "espalier/ops/reduce.h"
#include "espalier/ops/shape.h"
#include "nn/dropout.h"

namespace espalier::nn {

void SequenceClassifier::describe(const ParameterList& list, const CrammedBertOptions& options,
                                  const ClassifierOptions& head) {
  CrammedBert::describe(list.child("encoder"), options);
  Linear::describe(list.child("pooler.dense"), options.hidden_size, head.head_dim, true);
  Linear::describe(list.child("head"), head.head_dim, head.labels, true);
}

SequenceClassifier::SequenceClassifier(const CrammedBertOptions& options, const ClassifierOptions& head)
    : options_(head),
      encoder_(options),
      pooler_(options.hidden_size, head.head_dim, true),
      head_(head.head_dim, head.labels, true) {
  register_module("encoder", encoder_);
  register_module("pooler.dense", pooler_);
  register_module("head", head_);
}

Variable SequenceClassifier::forward(const Tokens& tokens, ForwardContext& context) {
  const Variable pooled = pool(encoder_.forward(tokens, context), options_.pooler);
  const Variable linear = pooler_.forward(pooled);
  const bool relu = options_.activation == HeadActivation::kRelu;
  const Variable hidden = relu ? ops::relu(linear) : ops::tanh(linear);
  return head_.forward(apply_dropout(hidden, options_.dropout, context));
}

Variable pool(const Variable& hidden, Pooler pooler) {
  if (pooler == Pooler::kAverage) return ops::mean_axis(hidden, 1);
  const Shape shape = hidden.shape();
  return ops::reshape(ops::slice(hidden, 1, 0, 1), {shape[0], shape[2]});
}

}  // namespace espalier::nn
