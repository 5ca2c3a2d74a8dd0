// A crammed BERT that classifies sequences, or gives each a number:
//   logits = W_head dropout(tanh(W_pool pool(hidden) + b_pool)) + b_head.
#pragma once

#include "espalier/nn/crammed_bert.h"

namespace espalier::nn {

enum class Pooler {
  kFirst,    // the state at position 0 (the original's `zero_index`)
  kAverage,  // the mean over all positions, padding included (the original's `avg`)
};

struct ClassifierOptions {
  Pooler pooler = Pooler::kFirst;
  std::int64_t head_dim = 1024;
  std::int64_t labels = 2;  // 1 for regression
  double dropout = 0.1;
};

// The encoder with the original's classification head: pool, linear to head_dim, tanh, dropout, linear to
// labels. Parameters: `encoder.*`, `pooler.dense.{weight,bias}`, `head.{weight,bias}`.
class SequenceClassifier : public Module {
 public:
  SequenceClassifier(const CrammedBertOptions& options, const ClassifierOptions& head);
  static void describe(const ParameterList& list, const CrammedBertOptions& options,
                       const ClassifierOptions& head);
  // ids [B,S], mask [B,S] -> logits [B, labels]
  Variable forward(const IntTensor& ids, const Tensor& mask, ForwardContext& context);
  CrammedBert& encoder() { return encoder_; }
  const ClassifierOptions& head_options() const { return options_; }

 private:
  ClassifierOptions options_;
  CrammedBert encoder_;
  Linear pooler_;
  Linear head_;
};

// One vector a sequence from hidden states [B,S,d] -> [B,d].
Variable pool(const Variable& hidden, Pooler pooler);

}  // namespace espalier::nn
