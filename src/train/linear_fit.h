// The best linear map of low rank.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "espalier/tensor/tensor.h"

namespace espalier::train {

// Of the columns of x [n, d], where row r counts factors[r]^2 times (none: once, each).
std::vector<double> column_means(const Tensor& x, std::span<const float> factors);

struct LinearFit {
  Tensor down;  // [rank, d]
  Tensor up;    // [d_out, rank]
  Tensor bias;  // [d_out]; zeros where none was asked for
};

// Minimizes |x down^T up^T + bias - y|^2 over rows of x [n, d] and y [n, d_out]: reduced rank regression
// (Izenman, 1975), the ordinary least squares map projected on the `rank` largest principal directions of
// what it gives. A small ridge keeps directions out in which x hardly varies. The same bits for any number of
// threads. Row r is taken `factors[r]` times as large in the sum before it is squared; none: once, each.
LinearFit fit_linear(const Tensor& x, const Tensor& y, std::int64_t rank, bool with_bias,
                     std::span<const float> factors = {});

}  // namespace espalier::train
