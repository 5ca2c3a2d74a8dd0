#pragma once

#include <memory>

#include "espalier/nn/attention.h"
#include "espalier/nn/feed_forward.h"
#include "espalier/nn/layer_norm.h"

namespace espalier::nn {

// A pre-norm transformer layer: x + attention(norm1(x)), then x + feedforward(norm2(x)).
class EncoderLayer : public Module {
 public:
  explicit EncoderLayer(const CrammedBertOptions& options);
  Variable forward(const Variable& x, const Tensor& mask, ForwardContext& context);

 private:
  double dropout_;
  LayerNorm norm1_;
  SelfAttention attention_;
  std::unique_ptr<FeedForward> feed_forward_;  // null: no second half
  std::unique_ptr<LayerNorm> norm2_;
};

}  // namespace espalier::nn
