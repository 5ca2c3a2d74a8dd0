// y = x W^T + b, as torch.nn.Linear; ops/linear.h.
#pragma once

#include "espalier/nn/module.h"

namespace espalier::nn {

// What a linear layer's weight is beside its shape: the last of a network is no hidden matrix, and some hold
// several.
struct LinearWeight {
  ParameterRole role = ParameterRole::kHiddenMatrix;
  RowTurns turns = {};
};

// Parameters: `weight` [out, in], and `bias` [out] where asked for; both start at zero, and the model that
// owns the layer initialises them.
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, bool bias, const LinearWeight& weight = {});
  static void describe(const ParameterList& list, std::int64_t in, std::int64_t out, bool bias,
                       const LinearWeight& weight = {});
  // [..., in] -> [..., out]; InputError if the last axis is another.
  Variable forward(const Variable& x) const;
  // Some of its outputs: [..., in] -> [..., rows of the weight]
  Variable forward_rows(const Variable& x, const IntTensor& rows) const;

 protected:
  void prepare_weights() override;

 private:
  Variable weight_;
  Variable bias_;
  ops::QuantizedWeight quantized_;
  Bfloat16Tensor rounded_;
};

}  // namespace espalier::nn
