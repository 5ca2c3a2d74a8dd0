// A matrix in bytes: element [i, j] is scales[i] * bytes[i, j].
#pragma once

#include "espalier/tensor/tensor.h"

namespace espalier {

struct ByteMatrix {
  ByteTensor bytes;  // [rows, columns]
  Tensor scales;     // [rows]

  bool defined() const { return bytes.defined(); }
  const Shape& shape() const { return bytes.shape(); }
};

}  // namespace espalier
