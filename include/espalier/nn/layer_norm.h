#pragma once

#include "espalier/nn/module.h"

namespace espalier::nn {

// LayerNorm over the last axis (arXiv 1607.06450). Parameters: `weight` [size], ones; `bias` [size], zeros.
class LayerNorm : public Module {
 public:
  LayerNorm(std::int64_t size, double eps);
  Variable forward(const Variable& x) const;

 private:
  Variable weight_;
  Variable bias_;
  double eps_;
};

}  // namespace espalier::nn
