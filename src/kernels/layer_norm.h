// Layer normalisation of Ba, Kiros and Hinton, "Layer normalization" (2016):
// y = (x - mean) / sqrt(variance + eps) * weight + bias over each row, with the biased variance.
//
// Mean and variance by the corrected two-pass algorithm of Chan, Golub and LeVeque, "Algorithms for computing
// the sample variance" (1983): rows far from zero lose nothing, a constant row gives exactly the bias.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// x, y [rows, width]; weight, bias [width]. mean and inverse_deviation [rows] receive what backward needs;
// both may be null. Parallel over rows.
void layer_norm(std::int64_t rows, std::int64_t width, const float* x, const float* weight, const float* bias,
                float eps, float* y, float* mean, float* inverse_deviation);

// Each may be null.
struct LayerNormGradients {
  Destination x;             // [rows, width]
  Destination weight, bias;  // [width]
};

// Rows whose contributions to the weight's and bias's gradients are summed before they are added, in order,
// to the rest: micro-batches of a multiple of it, accumulated one after the other, give the bits of one
// batch.
inline constexpr std::int64_t kLayerNormRows = 64;

// With g = dy weight and n = (x - mean) / deviation:
// dx = (g - mean(g) - n mean(g n)) / deviation;  dweight = sum over rows of dy n;  dbias = sum of dy.
void layer_norm_backward(std::int64_t rows, std::int64_t width, const float* x, const float* weight,
                         const float* mean, const float* inverse_deviation, const float* dy,
                         const LayerNormGradients& gradients);

}  // namespace espalier::kernels
