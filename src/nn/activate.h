// The activation that the options name.
#pragma once

#include "espalier/nn/options.h"
#include "espalier/ops/activations.h"
#include "espalier/ops/gelu.h"

namespace espalier::nn {

inline Variable activate(Activation activation, const Variable& x,
                         ops::Precision precision = ops::Precision::kFloat32) {
  switch (activation) {
    case Activation::kGelu:
      return ops::gelu(x, precision);
    case Activation::kGeluTanh:
      return ops::gelu_tanh(x, precision);
    case Activation::kRelu:
      return ops::relu(x);
  }
  return x;
}

}  // namespace espalier::nn
