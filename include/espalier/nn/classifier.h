// An encoder that classifies sequences, or gives each a number:
//   logits = W_head dropout(f(W_pool pool(hidden) + b_pool)) + b_head,  f tanh, or relu in DistilBERT.
// With head_dim = d and the first state it is BERT's, pooler and all.
#pragma once

#include "espalier/nn/encoder.h"

namespace espalier::nn {

enum class Pooler {
  kFirst,    // the state at position 0 (the original's `zero_index`)
  kAverage,  // the mean over all positions, padding included where there is any (the original's `avg`)
};

enum class HeadActivation { kTanh, kRelu };

struct ClassifierOptions {
  Pooler pooler = Pooler::kFirst;
  HeadActivation activation = HeadActivation::kTanh;
  std::int64_t head_dim = 1024;
  std::int64_t labels = 2;  // 1 for regression
  double dropout = 0.1;
};

// Throws InputError naming the field that is out of its range.
void validate(const ClassifierOptions& options);

// The encoder with the original's classification head: pool, linear to head_dim, activation, dropout, linear
// to labels. Parameters: `encoder.*`, `pooler.dense.{weight,bias}`, `head.{weight,bias}`.
class SequenceClassifier : public Module {
 public:
  // Throws InputError if the options are not valid.
  SequenceClassifier(const EncoderOptions& options, const ClassifierOptions& head);
  static void describe(const ParameterList& list, const EncoderOptions& options,
                       const ClassifierOptions& head);
  // -> logits [B, labels]
  Variable forward(const Tokens& tokens, ForwardContext& context);
  Encoder& encoder() { return encoder_; }
  const ClassifierOptions& head_options() const { return options_; }

 private:
  ClassifierOptions options_;
  Encoder encoder_;
  Linear pooler_;
  Linear head_;
};

// One vector a sequence from hidden states [B,S,d], of packed tokens [N,d] -> [B,d].
Variable pool(const Variable& hidden, const Tokens& tokens, Pooler pooler);

}  // namespace espalier::nn
