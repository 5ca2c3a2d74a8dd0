// In which numbers matrix products are computed.
#pragma once

#include <string>

namespace espalier::ops {

enum class Precision {
  kFloat32,
  // Both factors rounded to bfloat16 (to nearest, ties to even), products and sums in float32, as torch's
  // autocast has them. What stands between products (norms, softmax, loss), weights, gradients and the
  // optimizer stay float32.
  kBf16,
  // Weights and what they read as bytes, products and sums exact (ops/quantized.h). Only to use a model,
  // whose weights are then fixed; trees of neurons with hard routing too, other trees stay float32.
  kInt8,
};

// As configurations and options say it: float32, bf16, int8.
std::string precision_name(Precision precision);

// InputError naming `who` asked for it (a key, an option), where this machine computes it slower than
// float32, and what it lacks.
void require_fast(Precision precision, const std::string& who);

}  // namespace espalier::ops
