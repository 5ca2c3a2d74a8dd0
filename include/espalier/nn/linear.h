#pragma once

#include "espalier/nn/module.h"

namespace espalier::nn {

// y = x W^T + b, with W of shape [out, in] as in torch.nn.Linear. Parameters: `weight`, and `bias` where
// asked for; both start at zero, and the model that owns the layer initialises them.
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, bool bias);
  // [..., in] -> [..., out]
  Variable forward(const Variable& x) const;
  // Some of its outputs: [..., in] -> [..., rows of the weight]
  Variable forward_rows(const Variable& x, const IntTensor& rows) const;

 private:
  Variable weight_;
  Variable bias_;
};

}  // namespace espalier::nn
