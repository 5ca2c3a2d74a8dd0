// Tables that tell a model where a token stands. Both are computed in float32 in the steps of the original
// code (crammed BERT, training/cramming/architectures/embeddings.py), so that imported models see the
// positions they were trained with.
#pragma once

#include <cstdint>

#include "espalier/tensor/tensor.h"

namespace espalier::ops {

// [positions, width]: sin(p f_i) in column 2i and cos(p f_i) in column 2i + 1, f_i = 10000^(-2i / width).
// Vaswani et al., "Attention is all you need" (2017), section 3.5. The frequencies f_i and the angles are
// rounded to float32, as in the original: of 128 positions and a width of 768 an angle is thereby off by up
// to 8.9e-6, and a number of the table by up to 7.9e-6.
// InputError if width is odd or a size is negative.
Tensor sinusoid_table(std::int64_t positions, std::int64_t width);

// Angles of rotary positions: Su et al., "RoFormer" (2021), with neighbours 2i, 2i+1 paired as in LLaMA.
struct RotaryTable {
  // [positions, head_dim / 2, 2]: cosine and sine of p base^(-2i / head_dim); the memory layout of the
  // original's complex buffer `freqs_cis`.
  Tensor angles;

  bool defined() const { return angles.defined(); }
  std::int64_t positions() const { return angles.shape()[0]; }
  std::int64_t head_dim() const { return 2 * angles.shape()[1]; }
};

// InputError if head_dim is odd or not positive, positions negative, or base not above 1.
RotaryTable make_rotary_table(std::int64_t positions, std::int64_t head_dim, float base = 10000.0F);

}  // namespace espalier::ops
