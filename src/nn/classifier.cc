#include "espalier/nn/classifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/ops/activations.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/gather.h"
#include "espalier/ops/reduce.h"
#include "espalier/ops/shape.h"
#include "nn/dropout.h"

namespace espalier::nn {

void validate(const ClassifierOptions& options) {
  if (options.head_dim < 1 || options.labels < 1) {
    throw InputError(fmt::format("classifier: head_dim and labels must be at least 1, got {} and {}",
                                 options.head_dim, options.labels));
  }
  if (!(options.dropout >= 0 && options.dropout < 1)) {
    throw InputError(
        fmt::format("classifier: dropout must be at least 0 and below 1, got {}", options.dropout));
  }
}

static const ClassifierOptions& valid_head(const ClassifierOptions& options) {
  validate(options);
  return options;
}

static constexpr LinearWeight kOutputs{.role = ParameterRole::kMatrix};

void SequenceClassifier::describe(const ParameterList& list, const EncoderOptions& options,
                                  const ClassifierOptions& head) {
  Encoder::describe(list.child("encoder"), options);
  Linear::describe(list.child("pooler.dense"), options.hidden_size, head.head_dim, true);
  Linear::describe(list.child("head"), head.head_dim, head.labels, true, kOutputs);
}

SequenceClassifier::SequenceClassifier(const EncoderOptions& options, const ClassifierOptions& head)
    : options_(valid_head(head)),
      encoder_(options),
      pooler_(options.hidden_size, head.head_dim, true),
      head_(head.head_dim, head.labels, true, kOutputs) {
  register_module("encoder", encoder_);
  register_module("pooler.dense", pooler_);
  register_module("head", head_);
}

Variable SequenceClassifier::forward(const Tokens& tokens, ForwardContext& context) {
  const Variable pooled = pool(encoder_.forward(tokens, context), tokens, options_.pooler);
  const Variable linear = pooler_.forward(pooled);
  const bool relu = options_.activation == HeadActivation::kRelu;
  const Variable hidden = relu ? ops::relu(linear) : ops::tanh(linear);
  return head_.forward(apply_dropout(hidden, options_.dropout, context));
}

// [B,d]: one over the length of each sequence, in every column.
static Tensor inverse_lengths(const Tokens& tokens, std::int64_t width) {
  Tensor result = Tensor::empty({tokens.sequences(), width});
  const auto first = tokens.first_rows.span();
  for (std::size_t b = 0; b + 1 < first.size(); ++b) {
    std::fill_n(result.data() + static_cast<std::int64_t>(b) * width, width,
                1.0F / static_cast<float>(first[b + 1] - first[b]));
  }
  return result;
}

static Variable pool_packed(const Variable& hidden, const Tokens& tokens, Pooler pooler) {
  if (pooler == Pooler::kFirst) {
    return ops::gather_rows(hidden, tokens.first_rows.slice_rows(0, tokens.sequences()));
  }
  const Variable sums = ops::scatter_rows(hidden, sequences_of(tokens), tokens.sequences());
  return ops::multiply(sums, Variable(inverse_lengths(tokens, hidden.shape()[1])));
}

Variable pool(const Variable& hidden, const Tokens& tokens, Pooler pooler) {
  if (tokens.packed()) return pool_packed(hidden, tokens, pooler);
  if (pooler == Pooler::kAverage) return ops::mean_axis(hidden, 1);
  const Shape shape = hidden.shape();
  return ops::reshape(ops::slice(hidden, 1, 0, 1), {shape[0], shape[2]});
}

}  // namespace espalier::nn
