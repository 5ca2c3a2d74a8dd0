// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis: Ba, Kiros and Hinton, "Layer
// normalization" (arXiv 1607.06450); ops/layer_norm.h.
#pragma once

#include "espalier/nn/module.h"

namespace espalier::nn {

// Parameters: `weight` [size], ones; `bias` [size], zeros.
class LayerNorm : public Module {
 public:
  LayerNorm(std::int64_t size, double eps);
  static void describe(const ParameterList& list, std::int64_t size);
  // [..., size] -> [..., size]; InputError if the last axis is another.
  Variable forward(const Variable& x) const;

 private:
  Variable weight_;
  Variable bias_;
  double eps_;
};

}  // namespace espalier::nn
