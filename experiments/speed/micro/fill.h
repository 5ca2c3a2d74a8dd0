// Inputs of the micro-benchmarks.
#pragma once

#include <string>

#include "espalier/nn/module.h"
#include "espalier/tensor/tensor.h"

namespace espalier::micro {

inline Tensor random_tensor(const Shape& shape, const std::string& name, float std = 1.0F) {
  Tensor tensor = Tensor::empty(shape);
  nn::init_normal(tensor, std, 1, name);
  return tensor;
}

}  // namespace espalier::micro
