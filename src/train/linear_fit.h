// The best linear map of low rank.
#pragma once

#include <cstdint>

#include "espalier/tensor/tensor.h"

namespace espalier::train {

struct LinearFit {
  Tensor down;  // [rank, d]
  Tensor up;    // [d_out, rank]
  Tensor bias;  // [d_out]; zeros where none was asked for
};

// Minimizes |x down^T up^T + bias - y|^2 over rows of x [n, d] and y [n, d_out]: reduced rank regression
// (Izenman, 1975), the ordinary least squares map projected on the `rank` largest principal directions of
// what it gives. A small ridge keeps directions out in which x hardly varies. The same bits for any number of
// threads.
LinearFit fit_linear(const Tensor& x, const Tensor& y, std::int64_t rank, bool with_bias);

}  // namespace espalier::train
