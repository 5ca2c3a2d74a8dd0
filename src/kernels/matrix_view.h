// A matrix in memory as an operand of a product.
#pragma once

#include <cstdint>

#include "kernels/bfloat16.h"

namespace espalier::kernels {

// Row-major with `stride` elements between rows; `transposed` reads it as its transpose.
template <class Element>
struct BasicMatrixView {
  const Element* data;
  std::int64_t stride;
  bool transposed = false;
};
using MatrixView = BasicMatrixView<float>;
using Bfloat16View = BasicMatrixView<Bfloat16>;

// The part of a matrix that begins there.
template <class Element>
BasicMatrixView<Element> from(const BasicMatrixView<Element>& view, std::int64_t row, std::int64_t column) {
  return {view.data + (view.transposed ? column * view.stride + row : row * view.stride + column),
          view.stride, view.transposed};
}

}  // namespace espalier::kernels
